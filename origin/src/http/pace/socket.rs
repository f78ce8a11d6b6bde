//! A socket that notes when a head begins, when what is answered has been sent, and when it is not
//! taken. While it is not, nothing is read: whoever asks without listening would have answers pile
//! up.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Pace, Phase};

/// The socket.
pub(in crate::http) struct Paced<Io> {
    io: Io,
    pace: Arc<Pace>,
    blockages: u64,
    /// Reading was put off until what is to be sent is taken.
    put_off: bool,
}

impl<Io> Paced<Io> {
    /// Notes in `pace` what happens on `io`.
    pub(in crate::http) fn new(io: Io, pace: Arc<Pace>) -> Self {
        Self {
            io,
            pace,
            blockages: 0,
            put_off: false,
        }
    }

    fn note_write<T>(&mut self, written: Poll<T>) -> Poll<T> {
        if written.is_pending() && !self.pace.is_blocked() {
            self.blockages += 1;
            self.pace.blocked.store(self.blockages, Ordering::Relaxed);
        }
        written
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Paced<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.pace.is_blocked() {
            self.put_off = true;
            return Poll::Pending;
        }
        let read = ready!(Pin::new(&mut self.io).poll_read(context, buffer));
        self.pace.follow(Phase::Idle, Phase::Head);
        Poll::Ready(read)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Paced<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper asks for it when all that it had buffered is written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.io).poll_flush(context));
        self.pace.follow(Phase::Answering, Phase::Idle);
        if self.pace.is_blocked() {
            self.pace.blocked.store(0, Ordering::Relaxed);
            if std::mem::take(&mut self.put_off) {
                context.waker().wake_by_ref();
            }
        }
        Poll::Ready(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
