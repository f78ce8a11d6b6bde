//! An origin inside the test program, whose clock is off: the one thing that the program itself
//! cannot be told.

use std::{ffi::OsString, fs, sync::Arc};

use portcullis_origin::{
    domain::{
        app::App,
        clock::{Clock, UnixMillis},
        hashing::Hasher,
        master_key::MasterKeys,
        signing_keys,
    },
    http::{
        self,
        service::{Places, Service},
    },
    settings::Settings,
    storage,
    system::{OsEntropy, SystemClock},
};

use super::{
    origin::Home,
    server::{RUNTIME, Served, serve},
};

/// The machine's clock, so many milliseconds off.
#[derive(Debug)]
struct Off(i64);

impl Clock for Off {
    fn now_millis(&self) -> UnixMillis {
        UnixMillis(SystemClock.now_millis().0 + self.0)
    }
}

/// Starts a replica of the service at `home`, which must have been used before, with a clock that
/// is so many milliseconds off.
pub async fn start(home: &Home, milliseconds: i64) -> Served {
    let variables = home.variables();
    let master = fs::read_to_string(home.master_key()).unwrap();
    let assembled = RUNTIME.spawn(async move {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let settings = Settings::load(
            None,
            variables.collect::<Vec<(OsString, OsString)>>().into_iter(),
        );
        let settings = settings.unwrap();
        let url = settings.database.url.expose();
        let app = App::new(
            storage::connect(url, settings.database.max_connections)
                .await
                .unwrap(),
            Arc::new(Off(milliseconds)),
            Arc::new(OsEntropy),
            Hasher::start(settings.password.parameters(), 2, 64, &OsEntropy).unwrap(),
            MasterKeys::parse(&master).unwrap(),
            settings.for_domain().unwrap(),
        );
        app.store.advance_seq(app.now()).await.unwrap();
        signing_keys::ensure(&app).await.unwrap();
        Arc::new(Service {
            app: Arc::new(app),
            edge_secret: settings.edge.secret.clone(),
            origins: settings.cookies.trusted(&settings.issuer),
            places: Places::default(),
            clock_skew_max: i64::from(settings.database.clock_skew_max) * 1000,
        })
    });
    serve(http::endpoint(assembled.await.unwrap()))
}
