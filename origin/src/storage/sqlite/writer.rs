//! The one writer: takes all changes that wait, runs them in one transaction, a savepoint each where
//! there are several, and answers them after the commit.
//!
//! One commit costs one wait for the disk however many changes are in it. A change that fails is
//! undone alone; when the commit fails, all have failed. After anything unexpected the connection
//! is replaced, since an open transaction of unknown state must not reach the next batch.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use sqlx::{
    ConnectOptions as _, Connection as _, Sqlite, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::storage::{
    driver::{Work, attempt},
    fault::Fault,
};

/// How many changes may wait. Whoever comes then is told so at once.
const QUEUE_LENGTH: usize = 1024;

/// How many changes share a commit at most, so that none of them waits for long.
const BATCH: usize = 128;

/// The way to the writer.
pub(super) struct Queue {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
}

impl Queue {
    /// Has the writer run a change, and waits for the commit.
    pub(super) async fn run<W: Work<Sqlite>>(&self, work: W) -> Result<W::Output, Fault> {
        let (answer, answered) = oneshot::channel();
        self.push(Box::new(Pending {
            state: State::Waiting(work),
            answer,
        }))?;
        answered.await.unwrap_or(Err(Fault::Closed))
    }

    fn push(&self, job: Box<dyn Job>) -> Result<(), Fault> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = jobs.as_ref().ok_or(Fault::Closed)?.try_send(job);
        sent.map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Fault::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Fault::Closed,
        })
    }

    /// Takes no more changes; the writer ends after those that wait.
    pub(super) fn close(&self) {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// Starts the writer. `options` are for the connections that may have to follow the first one.
pub(super) fn start(
    connection: SqliteConnection,
    options: SqliteConnectOptions,
) -> (Queue, JoinHandle<()>) {
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    let writer = tokio::spawn(serve(connection, options, receiver));
    (
        Queue {
            jobs: Mutex::new(Some(sender)),
        },
        writer,
    )
}

/// A change on its way, whatever it answers.
trait Job: Send {
    /// Runs the change; tells whether its writes are to be kept.
    fn run<'a>(
        &'a mut self,
        connection: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

    /// Answers, once it is known whether the transaction was committed.
    fn answer(self: Box<Self>, committed: Result<(), &Arc<sqlx::Error>>);
}

struct Pending<W: Work<Sqlite>> {
    state: State<W>,
    answer: oneshot::Sender<Result<W::Output, Fault>>,
}

enum State<W: Work<Sqlite>> {
    Waiting(W),
    Running,
    Done(Result<W::Output, Fault>),
}

impl<W: Work<Sqlite>> Job for Pending<W> {
    fn run<'a>(
        &'a mut self,
        connection: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async move {
            let State::Waiting(work) = mem::replace(&mut self.state, State::Running) else {
                return false;
            };
            let result = attempt(work, connection).await;
            let keep = result.is_ok();
            self.state = State::Done(result);
            keep
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), &Arc<sqlx::Error>>) {
        let result = match (self.state, committed) {
            // Its own fault says more than that of the transaction.
            (State::Done(Err(fault)), _) => Err(fault),
            (State::Done(result), Ok(())) => result,
            (_, Err(error)) => Err(Fault::Lost(Arc::clone(error))),
            (_, Ok(())) => Err(Fault::Panicked),
        };
        // Whoever asked may have gone away; the change is made all the same.
        let _unheard = self.answer.send(result);
    }
}

async fn serve(
    connection: SqliteConnection,
    options: SqliteConnectOptions,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
) {
    let mut connection = Some(connection);
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        let committed = match take_or_open(&mut connection, &options).await {
            Ok(mut open) => {
                let committed = transact(&mut open, &mut jobs).await;
                if committed.is_ok() {
                    connection = Some(open);
                }
                committed
            }
            Err(error) => Err(error),
        };
        let committed = committed.map_err(Arc::new);
        if committed.is_err() {
            // Those who wait behind would wait as long again for the same.
            while let Ok(job) = queue.try_recv() {
                jobs.push(job);
            }
        }
        for job in jobs.drain(..) {
            job.answer(committed.as_ref().copied());
        }
    }
    if let Some(connection) = connection {
        // Whatever it says, nothing is left to be written.
        let _closed = connection.close().await;
    }
}

async fn take_or_open(
    connection: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
) -> Result<SqliteConnection, sqlx::Error> {
    match connection.take() {
        Some(open) => Ok(open),
        None => options.connect().await,
    }
}

async fn transact(
    connection: &mut SqliteConnection,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), sqlx::Error> {
    execute(connection, "BEGIN IMMEDIATE").await?;
    if let [job] = jobs {
        // Alone it is the transaction, and needs no savepoint.
        let kept = job.run(connection).await;
        return execute(connection, if kept { "COMMIT" } else { "ROLLBACK" }).await;
    }
    for job in jobs {
        execute(connection, "SAVEPOINT job").await?;
        if !job.run(connection).await {
            // Fails when SQLite has rolled back everything, as it does when the disk is full.
            execute(connection, "ROLLBACK TO job").await?;
        }
        execute(connection, "RELEASE job").await?;
    }
    execute(connection, "COMMIT").await
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    use sqlx::Executor as _;
    connection.execute(sql).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::store::StoreError,
        storage::statement::{Columns, Statement},
    };

    /// Adds a row of so many bytes.
    struct Add(usize);

    impl Work<Sqlite> for Add {
        type Output = ();

        async fn run(self, connection: &mut SqliteConnection) -> Result<(), Fault> {
            let bytes = vec![1; self.0];
            Statement::<Sqlite>::new("INSERT INTO added (bytes) VALUES ($1)")
                .bind(bytes.as_slice())
                .run(connection)
                .await
        }
    }

    async fn count(options: &SqliteConnectOptions) -> i64 {
        let mut connection = options.connect().await.unwrap();
        let sql = "SELECT count(*) FROM added";
        let row = Statement::<Sqlite>::new(sql).one(&mut connection).await;
        Columns::<Sqlite>::of(&row.unwrap()).next().unwrap()
    }

    #[tokio::test]
    async fn a_full_disk_is_answered_truly_and_the_writer_goes_on() {
        let folder = std::env::temp_dir().join(format!("portcullis_full_{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // SQLite's own limit on pages fails as a full disk does.
        let options = SqliteConnectOptions::new()
            .filename(folder.join("test.db"))
            .create_if_missing(true)
            .pragma("max_page_count", "20");
        let mut connection = options.connect().await.unwrap();
        execute(&mut connection, "CREATE TABLE added (bytes BLOB NOT NULL)")
            .await
            .unwrap();
        let (queue, writer) = start(connection, options.clone());

        let mut stored = 0;
        for _ in 0..3 {
            let (small, big, after) = tokio::join!(
                queue.run(Add(10)),
                queue.run(Add(1_000_000)),
                queue.run(Add(10))
            );
            let refused = StoreError::from(big.unwrap_err());
            assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
            stored += [small, after]
                .iter()
                .filter(|result| result.is_ok())
                .count();
            assert_eq!(count(&options).await, i64::try_from(stored).unwrap());
            let alone = StoreError::from(queue.run(Add(1_000_000)).await.unwrap_err());
            assert!(matches!(alone, StoreError::Unavailable(_)), "{alone:?}");
            queue.run(Add(10)).await.unwrap();
            stored += 1;
            assert_eq!(count(&options).await, i64::try_from(stored).unwrap());
        }
        queue.close();
        writer.await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
