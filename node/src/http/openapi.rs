//! The API as a document (OpenAPI 3.1), and a page of it for people. Who may call what comes from `rights`; what is taken
//! and answered is in tables, one a tag, which a test holds against the router and another against real answers.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Response},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
        RefOr, Schema, Server,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};

mod archive;
mod house;
mod measures;
mod operation;
mod page;
mod shapes;

use operation::{Op, SESSION, TOKEN};
use shapes::{
    Problem, SOMETIMES,
    videos::{Video, VideoMore},
};

use super::Rooms;

/// Name and words of a part of the API, and its operations.
type Part = (&'static str, &'static str, fn() -> Vec<Op>);

/// The parts, in the order in which people read them.
const PARTS: [Part; 11] = [
    ("Videos", "What is archived.", archive::videos),
    ("Requests", "What people want.", archive::requests),
    (
        "Approvals and sites",
        "What waits before it is fetched, and the sites that are asked.",
        archive::approvals,
    ),
    ("Talk", "What people say of videos, and what moderators do about it.", archive::talk),
    (
        "Measures",
        "What moderators decide, whose decisions count, the log, and comments of origins.",
        measures::measures,
    ),
    ("Uploads", "Files from people's own devices, by tus 1.0.0.", house::uploads),
    ("Account", "One's own account.", house::account),
    ("Shelves and lists", "What somebody keeps for themselves.", house::shelves),
    ("House", "Who is here, and how the house is kept.", house::house),
    ("Groups", "Other nodes, and groups of them.", house::groups),
    ("Node", "This node.", house::node),
];

const ABOUT: &str = "Everything the page can do, a program can do. `docs/API.md` says more in words: states, codes, and what each field means. \
    Routes under `/api/v1/` keep their meaning; fields may be added, so a program lets those be that it does not know.\n\n\
    Every error is `{\"code\", \"message\"}`. Paths that are none are answered with 404 `unknown-path`, methods that a path does not take with 405 \
    `unknown-method`. GET takes HEAD, too. Times are milliseconds since 1970-01-01T00:00:00Z.\n\n\
    Who may call stands in `security`: any of its lines is enough, `{}` is everybody who may watch, and the word behind a scheme is the least \
    rank, of `viewer`, `trusted`, `moderator`, `admin`. Without `security` an operation is open to everyone.";

/// The document; the same for as long as the program runs.
static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(document);
static TEXT: LazyLock<String> =
    LazyLock::new(|| DOCUMENT.to_json().expect("the document is made of texts and numbers alone"));

/// `GET /api/v1/openapi.json`
pub(super) async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// `GET /api`: the same for people.
pub(super) async fn page(State(rooms): State<Arc<Rooms>>, headers: HeaderMap) -> Html<String> {
    Html(horahora_web::api(&page::view(&DOCUMENT, rooms.frame(&headers))))
}

fn document() -> OpenApi {
    let (mut paths, mut components) = (PathsBuilder::new(), ComponentsBuilder::new());
    let (mut asked, mut given) = (Vec::new(), vec![(Problem::name().into_owned(), Problem::schema())]);
    for (tag, _, operations) in PARTS {
        for mut op in operations() {
            asked.append(&mut op.asked);
            given.append(&mut op.given);
            let path = op.path;
            let (method, operation) = op.build(tag);
            paths = paths.path(path, PathItem::new(method, operation));
        }
    }
    for (name, schema) in asked {
        components = components.schema(name, schema);
    }
    for (name, schema) in given {
        let schema = whole(&name, schema);
        components = components.schema(name, schema);
    }
    components = components.responses_from_iter(operation::shared());
    for (name, scheme) in schemes() {
        components = components.security_scheme(name, scheme);
    }
    let tags = PARTS.map(|(name, about, _)| TagBuilder::new().name(name).description(Some(about)).build());
    let info = InfoBuilder::new()
        .title("Horahora")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ));
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([Server::new("/")]))
        .paths(paths.build())
        .components(Some(components.build()))
        .tags(Some(tags))
        .build()
}

/// An answer has all its properties, whether something is known or not, but for those that are named.
fn whole(name: &str, mut schema: RefOr<Schema>) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let always = |property: &&String| !SOMETIMES.contains(&(name, property.as_str()));
        object.required = object.properties.keys().filter(always).cloned().collect();
    }
    schema
}

/// How somebody says who they are.
fn schemes() -> [(&'static str, SecurityScheme); 2] {
    let session = "What `POST /api/v1/session` sets. What changes something also needs the header `Origin` with the node's own \
                   address: a page of another site can do nothing.";
    let token = "The content of the file `api-token` of the node's data folder, which may do everything; or a token of one's own, \
                 `hh_…`, made on the page of one's account.";
    [
        (
            SESSION,
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                super::auth::COOKIE,
                session,
            ))),
        ),
        (
            TOKEN,
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(token)).build(),
            ),
        ),
    ]
}

/// A video with everything that is known of it: what lists tell, and more.
struct VideoInFull;

impl PartialSchema for VideoInFull {
    fn schema() -> RefOr<Schema> {
        let mut schema = Video::schema();
        if let (RefOr::T(Schema::Object(all)), RefOr::T(Schema::Object(more))) =
            (&mut schema, VideoMore::schema())
        {
            all.properties.extend(more.properties);
            all.description = Some("A video with everything that is known of it.".to_owned());
        }
        schema
    }
}

impl ToSchema for VideoInFull {
    fn schemas(all: &mut Vec<(String, RefOr<Schema>)>) {
        Video::schemas(all);
        VideoMore::schemas(all);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use axum::http::Method;
    use serde_json::Value;

    use super::*;
    use crate::{
        http::rights::{Need, need},
        people::Rank,
    };

    fn value() -> Value {
        serde_json::from_str(&TEXT).unwrap()
    }

    fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
        let mut all = BTreeMap::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                all.insert((method.to_uppercase(), path.clone()), operation.clone());
            }
        }
        all
    }

    #[test]
    fn the_router_and_the_document_name_the_same() {
        let routes: String = include_str!("../http.rs").split_whitespace().collect();
        let mut routed = BTreeSet::new();
        for line in routes.split(&["route", "("].concat()).skip(1).filter_map(|line| line.strip_prefix('"')) {
            let (path, methods) = line.split_once('"').unwrap();
            for method in ["get", "post", "put", "delete", "patch", "head", "options"] {
                if [format!(",{method}("), format!(").{method}(")].iter().any(|call| methods.contains(call)) {
                    routed.insert((method.to_uppercase(), path.to_owned()));
                }
            }
        }
        assert!(routed.len() > 150, "{routed:?}");
        let beside = ["/healthz", "/oembed"];
        routed.retain(|(_, path)| path.starts_with("/api/v1/") || beside.contains(&path.as_str()));
        let told: BTreeSet<_> = operations(&value()).into_keys().collect();
        assert_eq!(routed.difference(&told).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "not told");
        assert_eq!(told.difference(&routed).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "no route");
        let rows: usize = PARTS.iter().map(|(_, _, operations)| operations().len()).sum();
        assert_eq!(rows, told.len(), "each stands in one table");
    }

    #[test]
    fn who_may_call_is_as_the_door_has_it() {
        for ((method, path), operation) in operations(&value()) {
            let method: Method = method.parse().unwrap();
            let lines: Vec<_> = operation["security"].as_array().into_iter().flatten().cloned().collect();
            let open = lines.iter().any(|line| line.as_object().unwrap().is_empty());
            let roles: BTreeSet<_> = lines
                .iter()
                .flat_map(|line| line.as_object().unwrap().values())
                .flat_map(|roles| roles.as_array().unwrap())
                .map(|role| role.as_str().unwrap().to_owned())
                .collect();
            let told = match (lines.is_empty(), open, roles.first()) {
                (true, _, None) => Need::Nothing,
                (false, true, None) => Need::Watching,
                (false, false, Some(role)) if roles.len() == 1 => Need::Rank(Rank::of(role).unwrap()),
                _ => panic!("{method} {path}: {lines:?}"),
            };
            assert_eq!(told, need(&method, &path), "{method} {path}");
        }
    }

    #[test]
    fn no_two_shapes_have_one_name() {
        let mut known = BTreeMap::new();
        for op in PARTS.iter().flat_map(|(_, _, operations)| operations()) {
            for (name, schema) in op.asked.into_iter().chain(op.given) {
                let schema = serde_json::to_value(&schema).unwrap();
                let before = known.insert(name.clone(), schema.clone());
                assert!(before.is_none_or(|before| before == schema), "{name}");
            }
        }
    }

    #[test]
    fn whatever_it_refers_to_is_there() {
        let document = value();
        let text = TEXT.as_str();
        let mut named = BTreeSet::new();
        for (_, rest) in text.match_indices("\"$ref\":\"").map(|(at, found)| text.split_at(at + found.len()))
        {
            let place = rest.split('"').next().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{place}");
            named.insert(place.to_owned());
        }
        for kind in ["schemas", "responses"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                assert!(named.contains(&format!("/components/{kind}/{name}")), "{name} is used nowhere");
            }
        }
        for (shape, property) in SOMETIMES {
            assert!(
                document["components"]["schemas"][shape]["properties"].get(property).is_some(),
                "{shape} {property}"
            );
        }
    }
}
