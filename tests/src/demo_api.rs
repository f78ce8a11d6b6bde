//! An API server behind the edge: who am I, notes to read and write, a corner for administrators.
#![expect(
    clippy::needless_pass_by_value,
    reason = "poem hands a handler what it extracts by value"
)]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use poem::{
    Endpoint, EndpointExt, IntoResponse, Route, get, handler,
    http::StatusCode,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::proof::{Proof, Refused, Verifier};

/// Notes by their owner, who is issuer and subject together: a subject alone names nobody.
type Notes = Arc<Mutex<HashMap<(String, String), Vec<Note>>>>;

/// How many notes somebody may have; the oldest go first.
const NOTES_PER_OWNER: usize = 100;

/// How long a note may be, in characters.
const NOTE_LIMIT: usize = 1000;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
}

/// The server.
pub fn app(verifier: Verifier) -> impl Endpoint + 'static {
    Route::new()
        .at("/health", get(health))
        .at("/api/me", get(me))
        .at("/api/notes", get(read_notes).post(write_note))
        .at("/api/admin/stats", get(stats))
        .data(Arc::new(verifier))
        .data(Notes::default())
}

#[handler]
fn health() -> &'static str {
    "ok"
}

#[handler]
fn me(Proof(claims): Proof) -> impl IntoResponse {
    Json(json!({
        "iss": claims.iss,
        "sub": claims.sub,
        "scope": claims.scope,
        "roles": claims.roles,
        "session": claims.sid,
        "expires": claims.exp,
    }))
}

#[handler]
fn read_notes(proof: Proof, notes: Data<&Notes>) -> Result<impl IntoResponse, Refused> {
    proof.require_scope("api:read")?;
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let own = notes.get(&owner(proof)).cloned().unwrap_or_default();
    Ok(Json(json!({ "notes": own })))
}

#[handler]
fn write_note(
    proof: Proof,
    notes: Data<&Notes>,
    Json(note): Json<Note>,
) -> poem::Result<impl IntoResponse> {
    proof.require_scope("api:write")?;
    if note.text.is_empty() || note.text.chars().count() > NOTE_LIMIT {
        return Err(StatusCode::UNPROCESSABLE_ENTITY.into());
    }
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let own = notes.entry(owner(proof)).or_default();
    if own.len() == NOTES_PER_OWNER {
        own.remove(0);
    }
    own.push(note.clone());
    Ok((StatusCode::CREATED, Json(note)))
}

#[handler]
fn stats(proof: Proof, notes: Data<&Notes>) -> Result<impl IntoResponse, Refused> {
    proof.require_role("admin")?;
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let count: usize = notes.values().map(Vec::len).sum();
    Ok(Json(json!({ "owners": notes.len(), "notes": count })))
}

fn owner(Proof(claims): Proof) -> (String, String) {
    (claims.iss, claims.sub)
}
