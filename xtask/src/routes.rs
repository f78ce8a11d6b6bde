//! The judgement on a route table before it is let into a Worker: that of `shared`, which the
//! Worker repeats at its start, and one more that needs the Worker's settings.

use std::fs;

use anyhow::{Context, Result, anyhow, bail};
use portcullis_shared::routes::RouteTable;

use crate::workspace::Workspace;

/// The name of the table inside the Worker, a module of text.
pub(crate) const IN_WORKER: &str = "routes.json";

/// Reads and checks `routes.toml`; gives it as the Worker reads it.
///
/// # Errors
/// When there is none or it has a mistake: the message names the rule and the key.
pub(crate) fn checked(workspace: &Workspace) -> Result<String> {
    let read = |file: &str| {
        fs::read_to_string(workspace.path(file)).with_context(|| format!("cannot read {file}"))
    };
    let (table, settings) = (read("routes.toml")?, read("wrangler.toml")?);
    check(&table, &settings)?;
    as_json(&table)
}

/// A table as the Worker reads it.
///
/// # Errors
/// When it has a mistake.
pub(crate) fn as_json(table: &str) -> Result<String> {
    RouteTable::json(table).map_err(|mistake| anyhow!("routes.toml: {mistake}"))
}

fn check(table: &str, settings: &str) -> Result<()> {
    let table = RouteTable::parse(table).map_err(|mistake| anyhow!("routes.toml: {mistake}"))?;
    let settings: toml::Table = settings.parse().context("wrangler.toml")?;
    let variables = settings.get("vars").and_then(toml::Value::as_table);
    let issuer = variables.and_then(|present| present.get("ISSUER")?.as_str());
    if let Some((rule, name)) = issuer.and_then(|own| table.unknown_issuer(own)) {
        bail!(
            "routes.toml: route of host `{}`, path `{}`: `issuers`: {name} is neither declared as an \
             [[issuer]] nor the ISSUER below [vars] in wrangler.toml",
            rule.host,
            rule.path,
        );
    }
    for rule in table.rules() {
        let variable = rule.upstream.variable();
        if !variables.is_some_and(|present| present.contains_key(&variable)) {
            bail!(
                "routes.toml: route of host `{}`, path `{}`: `upstream`: its address belongs into \
                 {variable} below [vars] in wrangler.toml, and there is no such variable",
                rule.host,
                rule.path,
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    const SETTINGS: &str = "[vars]\nUPSTREAM_API = 'http://127.0.0.1:1'\n";

    fn table(upstream: &str) -> String {
        format!("[[route]]\npath = '/x'\nupstream = '{upstream}'\naccess = 'public'\n")
    }

    #[test]
    fn an_upstream_without_an_address_is_named_with_its_rule() {
        assert!(check(&table("api"), SETTINGS).is_ok());
        let error = check(&table("video"), SETTINGS).unwrap_err().to_string();
        assert!(
            error.contains("/x") && error.contains("`upstream`"),
            "{error}"
        );
        assert!(error.contains("UPSTREAM_VIDEO"), "{error}");
    }

    #[test]
    fn an_issuer_that_nobody_knows_is_named_with_its_rule() {
        let settings = format!("{SETTINGS}ISSUER = 'https://id.example'\n");
        let table = |issuer: &str| {
            format!(
                "[[route]]\npath = '/x'\nupstream = 'api'\naudience = 'a'\nissuers = ['{issuer}']\n"
            )
        };
        assert!(check(&table("https://id.example"), &settings).is_ok());
        let error = check(&table("https://other.example"), &settings).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("/x") && error.contains("https://other.example"),
            "{error}"
        );
    }

    #[test]
    fn a_mistake_is_named_with_its_rule_and_key() {
        let error = check("[[route]]\npath = '/x'\ncolour = 1\n", SETTINGS)
            .unwrap_err()
            .to_string();
        assert!(error.contains("/x") && error.contains("colour"), "{error}");
    }
}
