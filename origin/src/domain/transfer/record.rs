//! A user as a line of JSON. Members that are not known, or stand there twice, are refused: what
//! cannot be kept is not dropped in silence.

use portcullis_shared::{ids::UserId, scope::Scope, time::UnixSeconds};
use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::domain::{
    admin::Reason,
    hashing::imported::ImportedHash,
    user::{Email, Role, SignedLinks, User, UserStatus, Username, check_grants},
};

/// The line as it is written; times in Unix seconds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    username: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_hash: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    #[default]
    Active,
    Banned,
    Disabled,
}

/// A line that can be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The user to be. What the line left open is filled in.
    pub user: User,
    /// Whether the line named the id.
    pub has_id: bool,
    /// Whether it said since when the user is banned or disabled.
    pub has_since: bool,
    /// Whether it said when the user was created.
    pub has_created_at: bool,
}

impl Record {
    /// Reads a line. A user whose line has no id gets `id`; times that it leaves open are `now`.
    ///
    /// # Errors
    ///
    /// [`Refusal`], the first reason.
    pub fn parse(text: &str, id: UserId, now: UnixSeconds) -> Result<Self, Refusal> {
        // An array would do for serde.
        if !text.trim_start().starts_with('{') {
            return Err(Refusal::NotARecord("not an object".to_owned()));
        }
        let line: Line = serde_json::from_str(text).map_err(|error| not_a_record(&error))?;
        let named = line.id.as_deref().map(str::parse::<UserId>).transpose();
        let named = named.map_err(|_| Refusal::Id)?;
        let username: Username = line.username.parse()?;
        let email = line.email.as_deref().map(str::parse::<Email>).transpose()?;
        let hash = line.password_hash.as_deref().map(str::parse).transpose()?;
        let roles = line.roles.iter().map(|role| role.parse::<Role>());
        let roles = roles.collect::<Result<_, _>>()?;
        let scopes = line.scopes.iter().map(|scope| scope.parse::<Scope>());
        let scopes = scopes
            .collect::<Result<_, _>>()
            .map_err(|_| Refusal::Scope)?;
        check_grants(&roles, &scopes)?;
        let since = past("status_since", line.status_since, now)?;
        let created_at = past("created_at", line.created_at, now)?;
        let user = User {
            id: named.unwrap_or(id),
            username,
            email,
            password_hash: hash.map(ImportedHash::into_string),
            status: line.status.with(line.status_reason, since, now)?,
            roles,
            scopes,
            not_before: UnixSeconds(0),
            links: SignedLinks::default(),
            setup: None,
            created_at: created_at.unwrap_or(now),
            updated_at: now,
        };
        Ok(Self {
            user,
            has_id: named.is_some(),
            has_since: since.is_some(),
            has_created_at: created_at.is_some(),
        })
    }

    /// The line of a user, without an end of line.
    ///
    /// # Errors
    ///
    /// None that is known; serde's signature has one.
    pub fn write(user: &User) -> Result<String, serde_json::Error> {
        let (status, status_reason, since) = match &user.status {
            UserStatus::Active => (Status::Active, None, None),
            UserStatus::Banned { reason, at } => (Status::Banned, Some(reason.clone()), Some(at)),
            UserStatus::Disabled { at } => (Status::Disabled, None, Some(at)),
        };
        serde_json::to_string(&Line {
            id: Some(user.id.to_string()),
            username: user.username.to_string(),
            email: user.email.as_ref().map(|email| email.as_str().to_owned()),
            password_hash: user.password_hash.clone(),
            roles: user.role_names(),
            scopes: user.scope_names(),
            status,
            status_reason,
            status_since: since.map(|at| at.0),
            created_at: Some(user.created_at.0),
        })
    }

    /// Whether `existing`, who has this name, is what the line says; the members in which not. A
    /// password is not compared: the existing one may be the imported one that a login has hashed
    /// anew, or one that its user has chosen since.
    ///
    /// # Errors
    ///
    /// [`Refusal::Differs`].
    pub fn check_same(&self, existing: &User) -> Result<(), Refusal> {
        let new = &self.user;
        let has_password = existing.password_hash.is_some();
        let differences: Vec<&str> = [
            ("id", self.has_id && new.id != existing.id),
            ("email", new.email != existing.email),
            (
                "password_hash",
                new.password_hash.is_some() && !has_password,
            ),
            ("roles", new.roles != existing.roles),
            ("scopes", new.scopes != existing.scopes),
            ("status", !self.has_status_of(&existing.status)),
            (
                "created_at",
                self.has_created_at && new.created_at != existing.created_at,
            ),
        ]
        .into_iter()
        .filter_map(|(member, differs)| differs.then_some(member))
        .collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Refusal::Differs(differences))
    }

    fn has_status_of(&self, existing: &UserStatus) -> bool {
        match (&self.user.status, existing) {
            (UserStatus::Active, UserStatus::Active) => true,
            (
                UserStatus::Banned { reason, at },
                UserStatus::Banned {
                    reason: existing_reason,
                    at: existing_at,
                },
            ) => reason == existing_reason && (at == existing_at || !self.has_since),
            (UserStatus::Disabled { at }, UserStatus::Disabled { at: existing_at }) => {
                at == existing_at || !self.has_since
            }
            (UserStatus::Active | UserStatus::Banned { .. } | UserStatus::Disabled { .. }, _) => {
                false
            }
        }
    }
}

impl Status {
    fn with(
        self,
        reason: Option<String>,
        since: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Result<UserStatus, Refusal> {
        let at = since.unwrap_or(now);
        if let (Some(_), Self::Active | Self::Disabled) = (&reason, self) {
            return Err(Refusal::StatusReason);
        }
        match self {
            Self::Active if since.is_some() => Err(Refusal::StatusSince),
            Self::Active => Ok(UserStatus::Active),
            Self::Disabled => Ok(UserStatus::Disabled { at }),
            Self::Banned => {
                let reason: Reason = reason.unwrap_or_default().parse()?;
                let reason = reason.into_string();
                Ok(UserStatus::Banned { reason, at })
            }
        }
    }
}

fn past(
    member: &'static str,
    time: Option<i64>,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, Refusal> {
    if time.is_some_and(|time| !(0..=now.0).contains(&time)) {
        return Err(Refusal::Time(member));
    }
    Ok(time.map(UnixSeconds))
}

/// serde's words, with the column alone: the line is told beside them.
fn not_a_record(error: &serde_json::Error) -> Refusal {
    Refusal::NotARecord(
        error
            .to_string()
            .replace(" at line 1 column ", ", at character "),
    )
}
