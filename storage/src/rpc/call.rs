//! A reply that is there, or will come.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that costs nothing if its value is known already.
pub(crate) struct Call<T>(CallState<T>);

enum CallState<T> {
    /// `None` once it has been taken.
    Ready(Option<T>),
    Waiting(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T: Send + 'static> Call<T> {
    pub(crate) fn ready(value: T) -> Call<T> {
        Call(CallState::Ready(Some(value)))
    }

    pub(crate) fn waiting(future: impl Future<Output = T> + Send + 'static) -> Call<T> {
        Call(CallState::Waiting(Box::pin(future)))
    }

    /// Whether the value is there.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.0, CallState::Ready(_))
    }

    /// The value, if it is there.
    pub(crate) fn into_ready(self) -> Option<T> {
        match self.0 {
            CallState::Ready(value) => value,
            CallState::Waiting(_) => None,
        }
    }

    /// What comes of the value.
    pub(crate) fn then<U: Send + 'static>(self, f: impl FnOnce(T) -> Call<U> + Send + 'static) -> Call<U> {
        match self.0 {
            CallState::Ready(Some(value)) => f(value),
            CallState::Ready(None) => Call(CallState::Ready(None)),
            CallState::Waiting(future) => Call::waiting(async move { f(future.await).await }),
        }
    }

    /// The value after a conversion.
    pub(crate) fn map<U: Send + 'static>(self, f: impl FnOnce(T) -> U + Send + 'static) -> Call<U> {
        match self.0 {
            CallState::Ready(value) => Call(CallState::Ready(value.map(f))),
            CallState::Waiting(future) => Call::waiting(async move { f(future.await) }),
        }
    }
}

/// Nothing in it is ever pinned in place: the future is in a box of its own.
impl<T> Unpin for Call<T> {}

impl<T> Future for Call<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        match &mut self.get_mut().0 {
            CallState::Ready(value) => {
                Poll::Ready(value.take().expect("not polled again after it was ready"))
            }
            CallState::Waiting(future) => future.as_mut().poll(context),
        }
    }
}
