//! The document as a page shows it.

use horahora_web::{ApiAnswer, ApiField, ApiKind, ApiOperation, ApiPage, ApiPart, ApiShape, Frame};
use serde_json::{Map, Value};
use utoipa::openapi::OpenApi;

use super::operation::JSON;

/// The methods, in the order in which people read them.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

pub(super) fn view(document: &OpenApi, frame: Frame) -> ApiPage {
    let document = serde_json::to_value(document).unwrap_or_default();
    let parts = list(&document["tags"]).iter().map(|tag| ApiPart {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: operations(&document, &tag["name"]),
    });
    let shapes = entries(&document["components"]["schemas"]);
    ApiPage {
        frame,
        about: text(&document["info"]["description"]),
        parts: parts.collect(),
        shapes: shapes.map(|(name, schema)| shape(name, schema)).collect(),
    }
}

fn operations(document: &Value, tag: &Value) -> Vec<ApiOperation> {
    let mut all = Vec::new();
    for (path, item) in entries(&document["paths"]) {
        let there = METHODS.iter().filter_map(|method| Some((method, item.get(method)?)));
        for (method, operation) in there.filter(|(_, operation)| operation["tags"][0] == *tag) {
            let bodies = entries(&operation["requestBody"]["content"]);
            all.push(ApiOperation {
                id: text(&operation["operationId"]),
                method: method.to_uppercase(),
                path: path.clone(),
                summary: text(&operation["summary"]),
                text: operation["description"].as_str().map(str::to_owned),
                who: who(&operation["security"]),
                parameters: list(&operation["parameters"]).iter().map(parameter).collect(),
                bodies: bodies.map(|(media, content)| in_media(media, &content["schema"])).collect(),
                answers: entries(&operation["responses"])
                    .map(|(status, said)| answer(status, said))
                    .collect(),
            });
        }
    }
    all
}

/// Who may call, in words.
fn who(security: &Value) -> String {
    let lines = list(security);
    let rank = lines.iter().flat_map(entries).find_map(|(_, roles)| roles[0].as_str());
    match rank {
        Some("admin") => "admins".to_owned(),
        Some(rank) => format!("{rank}s and above").replace("trusteds", "trusted people"),
        None if lines.is_empty() => "everybody".to_owned(),
        None => "who may watch".to_owned(),
    }
}

fn parameter(parameter: &Value) -> ApiField {
    ApiField {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind(&parameter["schema"]),
        needed: parameter["required"] == true,
        text: text(&parameter["description"]),
    }
}

fn answer(status: &str, said: &Value) -> ApiAnswer {
    let content = entries(&said["content"]).next();
    ApiAnswer {
        status: status.to_owned(),
        kind: match content {
            Some((media, content)) => Some(in_media(media, &content["schema"])),
            None if said.get("$ref").is_some() => Some(named("Problem")),
            None => None,
        },
        text: text(&said["description"]),
    }
}

fn shape(name: &str, schema: &Value) -> ApiShape {
    let needed = list(&schema["required"]);
    let fields = entries(&schema["properties"]).map(|(name, schema)| ApiField {
        name: name.clone(),
        place: String::new(),
        kind: kind(schema),
        needed: needed.iter().any(|needed| needed == name),
        text: text(&schema["description"]),
    });
    let fields: Vec<_> = fields.collect();
    let plain = fields.is_empty() && schema["properties"].is_null();
    ApiShape {
        name: name.to_owned(),
        text: text(&schema["description"]),
        kind: plain.then(|| kind(schema)),
        fields,
    }
}

fn in_media(media: &str, schema: &Value) -> ApiKind {
    match media {
        JSON => kind(schema),
        media => ApiKind { media: Some(media.to_owned()), ..ApiKind::default() },
    }
}

/// What a schema says, in words.
fn kind(schema: &Value) -> ApiKind {
    if let Some(name) = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next()) {
        return named(name);
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().filter_map(Value::as_str).map(|word| format!("“{word}”")).collect();
        return plain(words.join(" or "));
    }
    for choice in ["oneOf", "anyOf"] {
        let (nulls, others): (Vec<_>, Vec<_>) =
            list(&schema[choice]).iter().partition(|one| one["type"] == "null");
        if let [one] = others.as_slice() {
            let after = if nulls.is_empty() { "" } else { " or null" };
            return ApiKind { after: after.to_owned(), ..kind(one) };
        }
        if !others.is_empty() {
            return plain(others.iter().map(|one| kind(one).before).collect::<Vec<_>>().join(" or "));
        }
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    let after = if types.contains(&"null") { " or null" } else { "" };
    let kind = match types.iter().find(|name| **name != "null") {
        Some(&"array") => of("list of", kind(&schema["items"])),
        Some(&"string") if schema["format"] == "binary" => plain("bytes"),
        Some(&"string") => plain("text"),
        Some(&"integer") => plain("whole number"),
        Some(&"number") => plain("number"),
        Some(&"boolean") => plain("true or false"),
        Some(&"object") if schema["additionalProperties"].is_object() => {
            of("names, each with", kind(&schema["additionalProperties"]))
        }
        Some(_) => plain("object"),
        None => plain("anything"),
    };
    ApiKind { after: kind.after.clone() + after, ..kind }
}

fn of(words: &str, kind: ApiKind) -> ApiKind {
    ApiKind { before: format!("{words} {}", kind.before).trim().to_owned(), ..kind }
}

fn plain(words: impl Into<String>) -> ApiKind {
    ApiKind { before: words.into(), ..ApiKind::default() }
}

fn named(shape: &str) -> ApiKind {
    ApiKind { shape: Some(shape.to_owned()), ..ApiKind::default() }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
