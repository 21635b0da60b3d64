//! The client that follows a run: line after line, as hupd tells them.

use std::ops::ControlFlow;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{Client, ClientError, PATIENCE, alongside, http, reason, receive, runtime};
use crate::protocol::{OutputOf, Request};

/// How following ended.
#[derive(Debug)]
pub enum Followed<B> {
    /// Whoever heard the lines has had enough.
    BrokenOff(B),
    /// The connection has ended, and why.
    CutOff(ClientError),
}

/// What came of a request.
enum Came<B> {
    Refused(hyper::StatusCode, super::Response),
    Heard(Option<B>),
}

impl Client {
    /// Gives `hear` each line without its end, until it breaks off.
    pub fn follow<B>(
        &self,
        of: OutputOf,
        mut hear: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<Followed<B>, ClientError> {
        let came = runtime()?.block_on(self.come(&Request::Follow(of), &mut hear))?;
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
        hear: &mut impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<Came<B>, ClientError> {
        let broken = |error: hyper::Error| self.no_answer(reason(&error));
        let stream = self.connect().await?;
        let request = http(request)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let answer = async {
            let answer = timeout(PATIENCE, sender.send_request(request)).await;
            let Ok(response) = answer else {
                return Ok(None);
            };
            let response = response?;
            Ok(Some(match response.status().is_success() {
                true => Came::Heard(hear_all(response.into_body(), hear).await),
                false => receive(response)
                    .await
                    .map(|(status, response)| Came::Refused(status, response))?,
            }))
        };
        let came = alongside(connection, answer).await.map_err(broken)?;
        came.ok_or_else(|| self.too_late())
    }
}

/// None where the body ends, or breaks, before `hear` has had enough.
async fn hear_all<B>(
    mut body: Incoming,
    hear: &mut impl FnMut(&[u8]) -> ControlFlow<B>,
) -> Option<B> {
    let mut line = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        let mut parts = bytes.split(|&byte| byte == b'\n');
        line.extend(parts.next().unwrap_or_default());
        for part in parts {
            if let ControlFlow::Break(enough) = hear(&line) {
                return Some(enough);
            }
            line.clear();
            line.extend(part);
        }
    }
    None
}
