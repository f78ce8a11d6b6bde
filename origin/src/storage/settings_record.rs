//! The settings of the last start: one row, so that replicas which start at once wait for each
//! other.

use super::{
    driver::Connection,
    engine::{Engine, holding},
    fault::Fault,
    statement::{Columns, Statement},
    values::storable,
};

/// The record, held; empty before the first start.
pub(super) async fn hold<Db: Engine>(connection: &mut Connection<Db>) -> Result<String, Fault> {
    let row = Statement::<Db>::new(holding!(Db, "SELECT document FROM settings_record"))
        .one(connection)
        .await?;
    Columns::<Db>::of(&row).next()
}

/// Replaces the record.
pub(super) async fn write<Db: Engine>(
    connection: &mut Connection<Db>,
    document: &str,
) -> Result<(), Fault> {
    Statement::<Db>::new("UPDATE settings_record SET document = $1")
        .bind(&*storable(document))
        .run(connection)
        .await
}
