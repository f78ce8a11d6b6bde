//! The OpenAPI document, made from the handlers, and what follows from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use poem::{
    endpoint::BoxEndpoint,
    http::{HeaderValue, Method},
};
use poem_openapi::{
    OpenApi, OpenApiService,
    registry::{MetaApi, MetaPath, Registry},
};
use serde_json::{Value, json};

use super::{
    admin::{change_user, list_sessions, revoke_sessions},
    answer::JSON,
    parameters::FORM,
};

/// Endpoints of one path may stand in several files: their entries are joined here, which the
/// library by itself does not do.
#[derive(Debug)]
pub(crate) struct Joined<T>(pub T);

impl<T: OpenApi> OpenApi for Joined<T> {
    fn meta() -> Vec<MetaApi> {
        let mut paths: Vec<MetaPath> = Vec::new();
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            match paths.iter_mut().find(|other| other.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => paths.push(path),
            }
        }
        vec![MetaApi { paths }]
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, table: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {
        self.0.add_routes(table);
    }
}

/// The document, as it is served.
pub(crate) fn document<T: OpenApi>(service: &OpenApiService<T, ()>) -> Value {
    let mut document: Value = serde_json::from_str(&service.spec()).unwrap_or_default();
    let bodies: BTreeMap<String, Value> = operations(&document)
        .filter_map(|(_, _, operation)| further_members(operation))
        .collect();
    for (name, further) in bodies {
        let schema = document.pointer_mut(&format!("/components/schemas/{name}"));
        if let Some(schema) = schema.and_then(Value::as_object_mut) {
            schema.insert("additionalProperties".to_owned(), further);
        }
    }
    describe_criteria(&mut document);
    let nullable = document.pointer_mut(change_user::NULLABLE);
    if let Some(schema) = nullable.and_then(Value::as_object_mut) {
        schema.insert("nullable".to_owned(), json!(true));
    }
    document
}

/// Sessions are listed by the criteria that they are revoked by: the parameters of the one are the
/// members of the other's body.
fn describe_criteria(document: &mut Value) {
    let properties = format!("/components/schemas/{}/properties", revoke_sessions::SCHEMA);
    let Some(properties) = document.pointer(&properties).cloned() else {
        return;
    };
    let parameters = revoke_sessions::CRITERIA.iter().map(|&name| {
        let mut schema = properties.get(name).cloned().unwrap_or_default();
        let description = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        // Of a list, one value with commas.
        json!({
            "name": name, "in": "query", "required": false, "explode": false,
            "schema": schema, "description": description,
        })
    });
    let parameters: Vec<Value> = parameters.collect();
    let of_list = |operation: &&mut Value| {
        operation.get("operationId").and_then(Value::as_str) == Some(list_sessions::OPERATION)
    };
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let items = paths.into_iter().flatten();
    let mut operations = items.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
    let operation = operations.find_map(|(_, operation)| Some(operation).filter(of_list));
    let known = operation.and_then(|operation| operation.get_mut("parameters"));
    if let Some(known) = known.and_then(Value::as_array_mut) {
        known.extend(parameters);
    }
}

/// The name of an operation's body, and which members it may have beside those that are named,
/// which the library cannot say: a body that is JSON alone is taken strictly, a form ignores what
/// it does not know, unless that comes twice.
fn further_members(operation: &Value) -> Option<(String, Value)> {
    let content = operation.pointer("/requestBody/content")?.as_object()?;
    let reference = content.get(JSON)?.pointer("/schema/$ref")?.as_str()?;
    let name = reference.rsplit('/').next()?.to_owned();
    let is_form = content.contains_key(FORM);
    Some((name, json!(is_form)))
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document
        .get("paths")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    })
}

/// Which methods each path takes, for the `Allow` header of a 405 (RFC 9110 §15.5.6).
#[derive(Debug, Default)]
pub(crate) struct Methods(BTreeMap<String, BTreeSet<String>>);

impl Methods {
    /// Reads them from the document.
    pub(crate) fn of(document: &Value) -> Self {
        let mut all = BTreeMap::<String, BTreeSet<String>>::new();
        for (path, method, _) in operations(document) {
            let methods = all.entry(path.clone()).or_default();
            methods.insert(method.to_ascii_uppercase());
            if method == "get" {
                methods.insert("HEAD".to_owned());
            }
        }
        Self(all)
    }

    /// The `Allow` header of a path.
    pub(crate) fn allow(&self, path: &str) -> Option<HeaderValue> {
        let methods = self
            .0
            .iter()
            .find(|(template, _)| covers(template, path))?
            .1;
        let list: Vec<&str> = methods.iter().map(String::as_str).collect();
        HeaderValue::from_str(&list.join(", ")).ok()
    }
}

fn covers(template: &str, path: &str) -> bool {
    let (mut left, mut right) = (template.split('/'), path.split('/'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(segment), Some(text)) if segment == text || segment.starts_with('{') => {}
            (Some(_) | None, _) => return false,
        }
    }
}
