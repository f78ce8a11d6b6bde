//! Running one test on either database.

use super::{Engine, TestApp};

/// What a test over either database begins with.
pub(crate) trait Begin {
    async fn begin(engine: Engine) -> Self;
}

impl Begin for TestApp {
    async fn begin(engine: Engine) -> Self {
        Self::on(engine).await
    }
}

/// A test that has settings of its own makes what it needs itself.
impl Begin for Engine {
    async fn begin(engine: Engine) -> Self {
        engine
    }
}

/// Runs a test on a database. Its snapshots are the same ones on each.
pub(crate) fn run<T: Begin>(engine: Engine, test: impl AsyncFnOnce(T)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    insta::allow_duplicates!(runtime.block_on(async {
        test(T::begin(engine).await).await;
    }));
}
