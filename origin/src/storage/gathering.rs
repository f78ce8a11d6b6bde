//! Gathers what waits and has it done together.
//!
//! Whatever comes while nothing is in work is done at once; whatever comes meanwhile waits, and
//! goes together. So alone nobody waits for others, and the more there are, the less each costs.
//! Where groups may be in work side by side, another one begins only when at least as much waits as
//! is in work.
//! What was taken is done even when whoever asked for it goes away.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
};

use super::{fault::Fault, many};

/// How much may wait. Whoever comes then is told so at once.
const QUEUE_LENGTH: usize = 1024;

/// How much goes together at most, so that nobody waits for long.
const TOGETHER: usize = many::MOST;

/// Something asked for.
pub(super) struct Asked<Q, A> {
    question: Q,
    answer: Answer<A>,
}

impl<Q, A> Asked<Q, A> {
    /// What was asked, and the way to answer it.
    pub(super) fn split(self) -> (Q, Answer<A>) {
        (self.question, self.answer)
    }
}

/// The way to answer somebody.
pub(super) struct Answer<A>(oneshot::Sender<Result<A, Fault>>);

impl<A> Answer<A> {
    /// Answers. Whoever asked may have gone away.
    pub(super) fn give(self, result: Result<A, Fault>) {
        let _unheard = self.0.send(result);
    }

    /// Tells all that what they shared has failed.
    pub(super) fn fail_all(answers: Vec<Self>, fault: Fault) {
        let fault = Arc::new(fault);
        for answer in answers {
            answer.give(Err(Fault::Shared(Arc::clone(&fault))));
        }
    }
}

/// Answers all that was asked. One that is dropped unanswered has failed.
type Serve<Q, A> =
    Box<dyn Fn(Vec<Asked<Q, A>>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What is gathered for one purpose.
pub(super) struct Gathering<Q, A>(Arc<Shared<Q, A>>);

struct Shared<Q, A> {
    serve: Serve<Q, A>,
    lanes: usize,
    state: Mutex<State<Q, A>>,
    idle: Notify,
}

struct State<Q, A> {
    waiting: VecDeque<Asked<Q, A>>,
    /// How many lanes are open.
    lanes: usize,
    /// How much they have taken and not yet done.
    in_work: usize,
    /// Whether one of them is about to take what waits.
    gathering: bool,
    closed: bool,
}

impl<Q, A> State<Q, A> {
    /// Whether a lane should take what waits, while so many others are open: small groups side by
    /// side would cost more than one that waits for another to be done.
    fn is_worth_a_group(&self, others: usize) -> bool {
        let waiting = self.waiting.len();
        !self.gathering && waiting > 0 && (others == 0 || waiting >= self.in_work)
    }
}

impl<Q: Send + 'static, A: Send + 'static> Gathering<Q, A> {
    /// Gathers for `serve`, which is at work at most `lanes` times at once.
    pub(super) fn new<F>(
        lanes: usize,
        serve: impl Fn(Vec<Asked<Q, A>>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(Shared {
            serve: Box::new(move |asked| Box::pin(serve(asked))),
            lanes,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                lanes: 0,
                in_work: 0,
                gathering: false,
                closed: false,
            }),
            idle: Notify::new(),
        }))
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, question: Q) -> Result<A, Fault> {
        let (answer, answered) = oneshot::channel();
        self.push(Asked {
            question,
            answer: Answer(answer),
        })?;
        answered.await.unwrap_or(Err(Fault::Panicked))
    }

    fn push(&self, asked: Asked<Q, A>) -> Result<(), Fault> {
        let mut state = self.0.state();
        if state.closed {
            return Err(Fault::Closed);
        }
        if state.waiting.len() >= QUEUE_LENGTH {
            return Err(Fault::Overloaded);
        }
        state.waiting.push_back(asked);
        if state.lanes < self.0.lanes && state.is_worth_a_group(state.lanes) {
            state.lanes += 1;
            state.gathering = true;
            tokio::spawn(Lane::new(Arc::clone(&self.0)).run());
        }
        Ok(())
    }

    /// Takes nothing more, and waits until what was taken is done.
    pub(super) async fn close(&self) {
        let idle = self.0.idle.notified();
        let mut idle = std::pin::pin!(idle);
        idle.as_mut().enable();
        let open = {
            let mut state = self.0.state();
            state.closed = true;
            state.lanes
        };
        if open > 0 {
            idle.await;
        }
    }
}

impl<Q, A> Shared<Q, A> {
    fn state(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, state: &mut State<Q, A>) {
        state.lanes -= 1;
        if state.lanes == 0 && state.closed {
            self.idle.notify_waiters();
        }
    }
}

/// Takes what waits and does it, for as long as that is worth it.
struct Lane<Q: Send + 'static, A: Send + 'static> {
    shared: Arc<Shared<Q, A>>,
    stage: Stage,
}

/// What a lane is about.
#[derive(Clone, Copy)]
enum Stage {
    /// About to take what waits; nobody else is then.
    Gathering,
    /// Doing so much.
    Working(usize),
    /// It has been left.
    Left,
}

impl<Q: Send + 'static, A: Send + 'static> Lane<Q, A> {
    /// A lane that is about to take what waits.
    fn new(shared: Arc<Shared<Q, A>>) -> Self {
        Self {
            shared,
            stage: Stage::Gathering,
        }
    }

    async fn run(mut self) {
        while let Stage::Gathering = self.stage {
            // Whoever can ask at this moment does so first.
            tokio::task::yield_now().await;
            let asked = self.take();
            (self.shared.serve)(asked).await;
            self.step_on();
        }
    }

    fn take(&mut self) -> Vec<Asked<Q, A>> {
        let mut state = self.shared.state();
        let count = state.waiting.len().min(TOGETHER);
        state.gathering = false;
        state.in_work += count;
        self.stage = Stage::Working(count);
        state.waiting.drain(..count).collect()
    }

    /// Ends a stage: gathers again, or leaves before anybody can ask again.
    fn step_on(&mut self) {
        let mut state = self.shared.state();
        match self.stage {
            Stage::Gathering => state.gathering = false,
            Stage::Working(count) => state.in_work -= count,
            Stage::Left => return,
        }
        let others = state.lanes - 1;
        if state.is_worth_a_group(others) {
            state.gathering = true;
            self.stage = Stage::Gathering;
        } else {
            self.stage = Stage::Left;
            self.shared.leave(&mut state);
        }
    }
}

/// A lane that a panic ends goes on as another one: perhaps nobody asks again.
impl<Q: Send + 'static, A: Send + 'static> Drop for Lane<Q, A> {
    fn drop(&mut self) {
        self.step_on();
        if let Stage::Gathering = self.stage {
            // Not where the runtime is stopped, which drops its tasks, and new ones too.
            if std::thread::panicking()
                && let Ok(runtime) = Handle::try_current()
            {
                runtime.spawn(Self::new(Arc::clone(&self.shared)).run());
            } else {
                let mut state = self.shared.state();
                state.gathering = false;
                self.shared.leave(&mut state);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Semaphore;

    /// Answers with how many were asked together, one group for each permit; 13 is a catastrophe.
    fn counting(lanes: usize, permits: &Arc<Semaphore>) -> Gathering<u32, usize> {
        let permits = Arc::clone(permits);
        Gathering::new(lanes, move |asked: Vec<Asked<u32, usize>>| {
            let permits = Arc::clone(&permits);
            async move {
                permits.acquire().await.unwrap().forget();
                assert!(asked.iter().all(|asked| asked.question != 13), "on purpose");
                let count = asked.len();
                for asked in asked {
                    asked.answer.give(Ok(count));
                }
            }
        })
    }

    async fn until_in_work(gathering: &Gathering<u32, usize>, count: usize) {
        while gathering.0.state().in_work < count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_waits_meanwhile_goes_together() {
        let permits = Arc::new(Semaphore::new(0));
        let gathering = counting(1, &permits);
        let all = async { tokio::join!(gathering.ask(1), gathering.ask(2), gathering.ask(3)) };
        let ((one, two, three), ()) = tokio::join!(all, async {
            tokio::task::yield_now().await;
            permits.add_permits(9);
        });
        // All three were asked before the lane began.
        assert_eq!([one, two, three].map(Result::unwrap), [3, 3, 3]);
        assert_eq!(gathering.ask(1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_panic_fails_those_who_went_together_and_nobody_else() {
        let permits = Arc::new(Semaphore::new(9));
        let gathering = counting(1, &permits);
        let bad = gathering.ask(13).await;
        assert!(matches!(bad, Err(Fault::Panicked)), "{bad:?}");
        assert_eq!(gathering.ask(1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_waits_behind_a_panic_is_done() {
        let permits = Arc::new(Semaphore::new(0));
        let gathering = counting(1, &permits);
        let (bad, good) = tokio::join!(gathering.ask(13), async {
            until_in_work(&gathering, 1).await;
            let waiting = async { tokio::join!(gathering.ask(1), gathering.ask(2)) };
            let (good, ()) = tokio::join!(waiting, async { permits.add_permits(2) });
            good
        });
        assert!(matches!(bad, Err(Fault::Panicked)), "{bad:?}");
        assert_eq!([good.0.unwrap(), good.1.unwrap()], [2, 2]);
        gathering.close().await;
    }

    #[tokio::test]
    async fn a_group_goes_beside_another_when_it_is_as_large() {
        let permits = Arc::new(Semaphore::new(0));
        let gathering = counting(2, &permits);
        let all = async {
            let first = async { tokio::join!(gathering.ask(1), gathering.ask(2)) };
            let late = async {
                until_in_work(&gathering, 2).await;
                tokio::join!(gathering.ask(3), async {
                    assert_eq!(gathering.0.state().lanes, 1, "one is not as many as two");
                    gathering.ask(4).await
                })
            };
            tokio::join!(first, late)
        };
        let ((first, late), ()) = tokio::join!(all, async {
            until_in_work(&gathering, 4).await;
            assert_eq!(gathering.0.state().lanes, 2);
            permits.add_permits(2);
        });
        for answer in [first.0, first.1, late.0, late.1] {
            assert_eq!(answer.unwrap(), 2);
        }
        gathering.close().await;
    }

    #[tokio::test]
    async fn closing_waits_for_what_was_taken_and_takes_nothing_more() {
        let permits = Arc::new(Semaphore::new(0));
        let gathering = counting(2, &permits);
        let (answer, (), late) = tokio::join!(
            gathering.ask(1),
            async {
                tokio::join!(gathering.close(), async { permits.add_permits(1) });
            },
            async {
                tokio::task::yield_now().await;
                gathering.ask(2).await
            },
        );
        assert_eq!(answer.unwrap(), 1);
        assert!(matches!(late, Err(Fault::Closed)), "{late:?}");
        gathering.close().await;
    }
}
