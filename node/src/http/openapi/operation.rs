//! One operation of the API: what it takes and what it answers. What follows from its method and path alone (who may call,
//! path parameters, the answers of the door) is put in here, so that no line of the tables can forget it.

use std::collections::BTreeMap;

use axum::http::Method;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, HttpMethod, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        header::HeaderBuilder,
        path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
        request_body::RequestBodyBuilder,
        security::SecurityRequirement,
    },
};

use super::shapes::Problem;
use crate::{
    http::rights::{Need, need},
    people::Rank,
};

pub(super) const SESSION: &str = "session";
pub(super) const TOKEN: &str = "token";
pub(super) const JSON: &str = "application/json";
/// Answers that several operations give: status, name, and when it comes.
pub(super) const SHARED: [(u16, &str, &str); 18] = [
    (400, "BadRequest", "Something that was sent cannot be."),
    (401, "LoginNeeded", "The sender has no rank, and one is needed; or name or password is wrong."),
    (403, "NotAllowed", "The rank is not enough, the account is locked, or a page of another site sent it."),
    (404, "NotFound", "There is no such thing here, or it is nothing of the sender's."),
    (409, "Conflict", "It does not fit what is there."),
    (412, "OtherVersion", "Another version of the protocol of uploads."),
    (413, "TooLarge", "The body is too large: 2 MiB, but for uploads."),
    (415, "OtherType", "The body is of another type; writing needs `Content-Type: application/json`."),
    (421, "UnknownHost", "The node does not know itself under the name in `Host`."),
    (422, "Unreadable", "The body is JSON of another shape."),
    (423, "Busy", "A piece of it is coming just now."),
    (429, "TooMuch", "Too much at once; the message says how long to wait."),
    (451, "TakenDown", "The video was taken down here: nobody gets it."),
    (500, "NodeFailed", "The node's disk or database failed; its log says more."),
    (501, "JsonOnly", "It is given as JSON only."),
    (502, "SiteFailed", "The source site failed."),
    (503, "NotReady", "yt-dlp is being installed."),
    (507, "DiskFull", "It leaves too little room on the disk."),
];

/// Shapes by their names.
pub(super) type Shapes = Vec<(String, RefOr<Schema>)>;

/// An operation in the making.
pub(super) struct Op {
    pub(super) method: Method,
    pub(super) path: &'static str,
    operation: OperationBuilder,
    body: Option<RequestBodyBuilder>,
    answers: BTreeMap<u16, RefOr<Response>>,
    /// What is sent.
    pub(super) asked: Shapes,
    /// What is answered.
    pub(super) given: Shapes,
}

pub(super) fn get(path: &'static str, summary: &str) -> Op {
    Op::new(Method::GET, path, summary)
}

pub(super) fn post(path: &'static str, summary: &str) -> Op {
    Op::new(Method::POST, path, summary)
}

pub(super) fn put(path: &'static str, summary: &str) -> Op {
    Op::new(Method::PUT, path, summary)
}

pub(super) fn delete(path: &'static str, summary: &str) -> Op {
    Op::new(Method::DELETE, path, summary)
}

impl Op {
    pub(super) fn new(method: Method, path: &'static str, summary: &str) -> Self {
        let need = need(&method, path);
        let operation = OperationBuilder::new()
            .operation_id(Some(id(&method, path)))
            .summary(Some(summary))
            .securities(Some(security(need)));
        let mut op = Self {
            method,
            path,
            operation,
            body: None,
            answers: BTreeMap::new(),
            asked: Shapes::new(),
            given: Shapes::new(),
        };
        op = op.fails(421, "unknown-host").fails(500, "node-failed");
        if need != Need::Nothing {
            op = op.fails(401, "login-needed").fails(403, "rank-needed, locked");
        }
        if path.starts_with("/api/v1/videos/{video}") {
            op = op.fails(403, "hidden").fails(451, "taken-down");
        }
        let named: Vec<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        for name in &named {
            op = op.parameter(name, ParameterIn::Path, &text(), path_words(name));
        }
        if !named.is_empty() {
            op = op.fails(400, "bad-request");
        }
        if !op.method.is_safe() {
            op = op.fails(403, "rank-needed, locked, other-origin, token-reads");
            if !path.starts_with("/api/v1/uploads") {
                op = op.fails(415, "json-needed");
            }
        }
        op
    }

    /// More words about it.
    pub(super) fn says(mut self, text: &str) -> Self {
        self.operation = self.operation.description(Some(text));
        self
    }

    /// A JSON body that is read as it stands: what does not have its shape is answered with 422.
    pub(super) fn takes<T: ToSchema>(self) -> Self {
        self.looks_into::<T>().fails(422, "bad-body")
    }

    /// A JSON body of which what is needed is looked for.
    pub(super) fn looks_into<T: ToSchema>(mut self) -> Self {
        let (name, all) = shapes::<T>();
        self.asked.extend(all);
        self = self.body(JSON, Ref::from_schema_name(name).into());
        self.fails(400, "invalid-json").fails(413, "too-large")
    }

    /// No words, but the type has to be said: an empty object.
    pub(super) fn takes_nothing(mut self) -> Self {
        let (name, all) = shapes::<super::shapes::Nothing>();
        self.asked.extend(all);
        self.body(JSON, Ref::from_schema_name(name).into())
    }

    /// A body of this type.
    pub(super) fn body(mut self, kind: &str, schema: RefOr<Schema>) -> Self {
        let body =
            self.body.take().unwrap_or_else(|| RequestBodyBuilder::new().required(Some(Required::True)));
        self.body = Some(body.content(kind, Content::new(Some(schema))));
        self
    }

    /// A body of this type that may be left out.
    pub(super) fn may_take(mut self, kind: &str, schema: RefOr<Schema>) -> Self {
        let body = RequestBodyBuilder::new().required(Some(Required::False));
        self.body = Some(body.content(kind, Content::new(Some(schema))));
        self
    }

    /// A parameter of the query.
    pub(super) fn query(self, name: &str, schema: RefOr<Schema>, words: &str) -> Self {
        self.parameter(name, ParameterIn::Query, &schema, words)
    }

    /// A parameter of the query that it needs.
    pub(super) fn asks(self, name: &str, schema: RefOr<Schema>, words: &str) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        self.with(parameter.required(Required::True).description(Some(words)).schema(Some(schema)).build())
    }

    /// A header that it reads.
    pub(super) fn reads(self, name: &str, schema: RefOr<Schema>, words: &str) -> Self {
        self.parameter(name, ParameterIn::Header, &schema, words)
    }

    /// A header that it needs.
    pub(super) fn needs(self, name: &str, schema: RefOr<Schema>, words: &str) -> Self {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
        self.with(parameter.required(Required::True).description(Some(words)).schema(Some(schema)).build())
    }

    /// One page of a list.
    pub(super) fn paged(self) -> Self {
        let size = number(1, Some(200));
        self.query("after", text(), "The `next` of the page before.")
            .query("limit", size, "How many at most; 50 where it is left out.")
            .fails(400, "bad-cursor, bad-request")
    }

    /// JSON.
    pub(super) fn gives<T: ToSchema>(mut self, status: u16, words: &str) -> Self {
        let (name, all) = shapes::<T>();
        self.given.extend(all);
        self.gives_a(status, words, JSON, Ref::from_schema_name(name).into())
    }

    /// A list of all there are.
    pub(super) fn gives_list<T: ToSchema>(mut self, words: &str) -> Self {
        let (name, all) = shapes::<T>();
        self.given.extend(all);
        let list = utoipa::openapi::ArrayBuilder::new().items(Ref::from_schema_name(name)).build();
        self.gives_a(200, words, JSON, Schema::Array(list).into())
    }

    /// Something of this type.
    pub(super) fn gives_a(self, status: u16, words: &str, kind: &str, schema: RefOr<Schema>) -> Self {
        let response = ResponseBuilder::new().description(words).content(kind, Content::new(Some(schema)));
        self.answers_with(status, response.build())
    }

    /// Done, and there is nothing to say.
    pub(super) fn done(self) -> Self {
        self.answers_with(204, Response::new("Done."))
    }

    /// An answer with headers, each with a number or a text.
    pub(super) fn tells(self, status: u16, words: &str, headers: &[(&str, RefOr<Schema>, &str)]) -> Self {
        let told = headers.iter().fold(
            ResponseBuilder::new().description(words),
            |response, (name, schema, words)| {
                let header = HeaderBuilder::new().schema(Some(schema.clone())).description(Some(*words));
                response.header(*name, header.build())
            },
        );
        self.answers_with(status, told.build())
    }

    pub(super) fn answers_with(mut self, status: u16, response: Response) -> Self {
        self.answers.insert(status, response.into());
        self
    }

    /// An error with these codes; said again, they come to those that it has.
    pub(super) fn fails(mut self, status: u16, codes: &str) -> Self {
        let name =
            SHARED.iter().find(|(known, _, _)| *known == status).map_or("Problem", |(_, name, _)| name);
        let mut all: Vec<String> = match self.answers.get(&status) {
            Some(RefOr::Ref(known)) => known.description.split(", ").map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        for code in codes.split(", ").map(|code| format!("`{code}`")) {
            if !all.contains(&code) {
                all.push(code);
            }
        }
        let mut answer = Ref::from_response_name(name);
        answer.description = all.join(", ");
        self.answers.insert(status, answer.into());
        self
    }

    fn parameter(self, name: &str, place: ParameterIn, schema: &RefOr<Schema>, words: &str) -> Self {
        let needed = if place == ParameterIn::Path { Required::True } else { Required::False };
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(needed);
        self.with(parameter.description(Some(words)).schema(Some(schema.clone())).build())
    }

    fn with(mut self, parameter: Parameter) -> Self {
        self.operation = self.operation.parameter(parameter);
        self
    }

    /// As it stands in the document, under this tag.
    pub(super) fn build(self, tag: &str) -> (HttpMethod, Operation) {
        let method = match self.method {
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::DELETE => HttpMethod::Delete,
            Method::PATCH => HttpMethod::Patch,
            Method::HEAD => HttpMethod::Head,
            Method::OPTIONS => HttpMethod::Options,
            _ => HttpMethod::Get,
        };
        let operation = self.operation.tag(tag).request_body(self.body.map(RequestBodyBuilder::build));
        let answers = self.answers.into_iter();
        let operation = answers
            .fold(operation, |operation, (status, answer)| operation.response(status.to_string(), answer));
        (method, operation.build())
    }
}

/// The name of a shape, and it with all that it is made of.
fn shapes<T: ToSchema>() -> (String, Shapes) {
    let name = T::name().into_owned();
    let mut all = vec![(name.clone(), T::schema())];
    T::schemas(&mut all);
    (name, all)
}

/// The answer of each error, under its name.
pub(super) fn shared() -> Vec<(&'static str, Response)> {
    let problem = || Content::new(Some(Ref::from_schema_name(Problem::name())));
    let one = |(_, name, words): (u16, &'static str, &str)| {
        (name, ResponseBuilder::new().description(words).content(JSON, problem()).build())
    };
    SHARED.into_iter().map(one).collect()
}

pub(super) fn text() -> RefOr<Schema> {
    String::schema()
}

/// A text that is one of these.
pub(super) fn one_of(words: &[&str]) -> RefOr<Schema> {
    let words: Vec<_> = words.iter().map(|word| serde_json::json!(word)).collect();
    let object = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String);
    Schema::Object(object.enum_values(Some(words)).build()).into()
}

/// A whole number in these bounds.
pub(super) fn number(least: u32, most: Option<u32>) -> RefOr<Schema> {
    let object = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::Integer);
    Schema::Object(object.minimum(Some(least)).maximum(most).build()).into()
}

pub(super) fn switch() -> RefOr<Schema> {
    bool::schema()
}

/// Bytes of no shape.
pub(super) fn bytes() -> RefOr<Schema> {
    let object = utoipa::openapi::ObjectBuilder::new().schema_type(utoipa::openapi::Type::String);
    let format = utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::Binary);
    Schema::Object(object.format(Some(format)).build()).into()
}

/// `GET /api/v1/videos/{video}/who` is `get-videos-video-who`.
fn id(method: &Method, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let parts = path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let parts: Vec<_> = parts.collect();
    format!("{}-{}", method.as_str().to_ascii_lowercase(), parts.join("-"))
}

/// Who may call: any of these is enough. The role behind a scheme is the least rank.
fn security(need: Need) -> Vec<SecurityRequirement> {
    let with =
        |roles: &[&str]| [SESSION, TOKEN].map(|scheme| SecurityRequirement::new(scheme, roles.to_vec()));
    match need {
        Need::Nothing => Vec::new(),
        Need::Watching => [SecurityRequirement::default()].into_iter().chain(with(&[])).collect(),
        Need::Rank(rank) => with(&[Rank::name(rank)]).into(),
    }
}

fn path_words(name: &str) -> &'static str {
    match name {
        "act" => "Address of somebody's words.",
        "group" => "Id of a group.",
        "id" => "The site's id of a creator.",
        "list" => "Id of a list.",
        "node" => "Id of a node.",
        "page" => "`about`, `terms` or `privacy`.",
        "person" => "Id of a person.",
        "report" => "Id of a report.",
        "request" => "Id of a request.",
        "session" => "Id of a session.",
        "site" => "A source site.",
        "token" => "Id of a token.",
        "upload" => "Id of an upload.",
        "video" => "Id of a video, `<site>:<id>`.",
        _ => "Its id.",
    }
}
