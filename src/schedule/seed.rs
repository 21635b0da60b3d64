//! Numbers that are as good as drawn, and the same every time: a function of host and job name.

/// What `H`, `spread` and the like are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The seed of a job on a host. Its numbers must never change from one version of hupd to the next.
    pub fn of(host: &str, job: &str) -> Self {
        Self(fnv(fnv(fnv(BASIS, host), "\0"), job))
    }

    /// A number below `count`, another one for every purpose.
    pub fn below(self, count: u64, purpose: &str) -> u64 {
        mixed(fnv(fnv(self.0, "\0"), purpose)) % count
    }
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// FNV-1a, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. Simple, and the same everywhere.
fn fnv(hash: u64, text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    text.bytes().fold(hash, step)
}

/// Every bit of the hash decides about every bit of the number: the finalizer of `MurmurHash3`.
fn mixed(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known since the first version that had them.
    #[test]
    fn numbers_never_change() {
        let seed = Seed::of("web1", "backup");
        let numbers = ["minute", "hour", "spread"].map(|purpose| seed.below(1000, purpose));
        assert_eq!(numbers, [926, 284, 96]);
    }

    #[test]
    fn hosts_jobs_and_purposes_differ() {
        let numbers = [
            ("a", "b", "c"),
            ("a", "bc", ""),
            ("ab", "", "c"),
            ("a", "b", "d"),
        ]
        .map(|(host, job, purpose)| Seed::of(host, job).below(u64::MAX, purpose));
        let distinct: std::collections::BTreeSet<_> = numbers.into_iter().collect();
        assert_eq!(distinct.len(), numbers.len());
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut counts = [0; 60];
        for job in 0..6000 {
            let seed = Seed::of("web1", &format!("job-{job}"));
            counts[seed.below(60, "minute") as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (60..=140).contains(count)),
            "{counts:?}"
        );
    }
}
