//! The client that follows a run: line after line, as hupd tells them.

use std::ops::ControlFlow;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{Client, ClientError, PATIENCE, Peer, alongside, http, reason, receive, runtime};
use crate::protocol::Request;

/// Longer than any client lives.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How following ended.
#[derive(Debug)]
pub enum Followed<B> {
    /// Whoever heard the lines has had enough.
    BrokenOff(B),
    /// The connection has ended, and why.
    CutOff(ClientError),
}

/// What is heard while a run is followed.
#[derive(Clone, Copy, Debug)]
pub enum Sound<'a> {
    /// A line, without its end.
    Line(&'a [u8]),
    /// As long as it was wanted nothing came.
    Silence,
}

/// What came of a request.
enum Came<B> {
    Refused(hyper::StatusCode, super::Response),
    Heard(Option<B>),
}

impl Client {
    /// Of a run that is followed, or begun for that: gives `hear` each line, and each `silence` of that length where one is wanted, until it breaks off.
    pub fn follow<B>(
        &self,
        request: &Request,
        silence: Option<Duration>,
        mut hear: impl FnMut(Sound<'_>) -> ControlFlow<B>,
    ) -> Result<Followed<B>, ClientError> {
        let silence = silence.unwrap_or(FOR_EVER);
        let came = runtime()?.block_on(self.come(request, silence, &mut hear))?;
        match came {
            Came::Heard(Some(enough)) => Ok(Followed::BrokenOff(enough)),
            Came::Heard(None) => Ok(Followed::CutOff(self.no_answer("ended before the run did"))),
            Came::Refused(status, response) => Err(match self.judge(status, response) {
                Err(error) => error,
                Ok(_) => self.no_answer("gave no answer"),
            }),
        }
    }

    async fn come<B>(
        &self,
        request: &Request,
        silence: Duration,
        hear: &mut impl FnMut(Sound<'_>) -> ControlFlow<B>,
    ) -> Result<Came<B>, ClientError> {
        let broken = |error: hyper::Error| self.no_answer(reason(&error));
        self.refuse_another(request).await?;
        let stream = self.connect().await?;
        let peer = Peer::of(&stream);
        let request = http(request)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let answer = async {
            let answer = timeout(PATIENCE, sender.send_request(request)).await;
            let Ok(response) = answer else {
                return Ok(None);
            };
            let response = response?;
            Ok(Some(match response.status().is_success() {
                true => Came::Heard(hear_all(response.into_body(), silence, hear).await),
                false => receive(response)
                    .await
                    .map(|(status, response)| Came::Refused(status, response))?,
            }))
        };
        let came = async { alongside(connection, answer).await.map_err(broken) };
        let came = self.unless_gone(&peer, came).await?;
        came.ok_or_else(|| self.too_late())
    }
}

/// None where the body ends, or breaks, before `hear` has had enough.
async fn hear_all<B>(
    mut body: Incoming,
    silence: Duration,
    hear: &mut impl FnMut(Sound<'_>) -> ControlFlow<B>,
) -> Option<B> {
    let mut line = Vec::new();
    loop {
        let Ok(frame) = timeout(silence, body.frame()).await else {
            match hear(Sound::Silence) {
                ControlFlow::Break(enough) => return Some(enough),
                ControlFlow::Continue(()) => continue,
            }
        };
        let Some(Ok(frame)) = frame else {
            return None;
        };
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        let mut parts = bytes.split(|&byte| byte == b'\n');
        line.extend(parts.next().unwrap_or_default());
        for part in parts {
            if let ControlFlow::Break(enough) = hear(Sound::Line(&line)) {
                return Some(enough);
            }
            line.clear();
            line.extend(part);
        }
    }
}
