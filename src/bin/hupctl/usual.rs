//! What is usual for a job, in words.

use hupd::protocol::Usual;

use crate::times::duration;

/// `usually 4 min, p95 6 min`; none where no run was successful yet.
pub fn usually(usual: &Usual) -> Option<String> {
    let (median, p95) = (usual.median_seconds?, usual.p95_seconds?);
    Some(format!(
        "usually {}, p95 {}",
        duration(median),
        duration(p95)
    ))
}

/// `19 of 20 runs succeeded (95 %); usually 4 min, p95 6 min`
pub fn how_it_goes(usual: &Usual) -> String {
    let Some(rate) = usual.success_rate else {
        return "no run has ended yet".to_owned();
    };
    let runs = match usual.ended {
        1 => "run",
        _ => "runs",
    };
    let (succeeded, ended) = (usual.succeeded, usual.ended);
    // What is not all of them is not to be told as if it were.
    let percent = match succeeded == ended {
        true => 100.0,
        false => (rate * 100.0).round().min(99.0),
    };
    let rest = usually(usual).map_or_else(String::new, |usually| format!("; {usually}"));
    format!("{succeeded} of {ended} {runs} succeeded ({percent} %){rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_one_sentence() {
        let usual = Usual::of(20, vec![240.0; 19]);
        let text = "19 of 20 runs succeeded (95 %); usually 4 min, p95 4 min";
        assert_eq!(how_it_goes(&usual), text);
        assert_eq!(how_it_goes(&Usual::default()), "no run has ended yet");
        let never = Usual::of(1, vec![]);
        assert_eq!(how_it_goes(&never), "0 of 1 run succeeded (0 %)");
        let nearly = Usual::of(1_000, vec![1.0; 999]);
        assert!(how_it_goes(&nearly).contains("(99 %)"));
    }
}
