//! Waits for the first of two things.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Which of the two came first.
#[derive(Debug)]
pub(super) enum First<A, B> {
    This(A),
    That(B),
}

/// Where both are there, it is `this`.
pub(super) async fn first<A, B>(
    this: impl Future<Output = A>,
    that: impl Future<Output = B>,
) -> First<A, B> {
    let (mut this, mut that) = (pin!(this), pin!(that));
    poll_fn(|context| {
        if let Poll::Ready(done) = this.as_mut().poll(context) {
            return Poll::Ready(First::This(done));
        }
        that.as_mut().poll(context).map(First::That)
    })
    .await
}
