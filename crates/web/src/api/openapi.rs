//! The OpenAPI 3.1 document: what every call has in common. The calls themselves stand at their handlers.

use super::problem::Problem;
use axum::handler::Handler;
use axum::http::header;
use control::Control;
use std::collections::BTreeMap;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Content, Header, Object, Ref, RefOr, Required, Response, ResponseBuilder, Schema, Type,
};
use utoipa::{IntoResponses, Modify, OpenApi};

/// Everything but the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kith",
        description = "The phone book that somebody you trust keeps for you, on any phone. Errors are RFC 9457 \
            problems. Lists are pages, `?limit=&after=`. Every write takes an `Idempotency-Key`, kept for 24 hours, and \
            an `If-Match` where the resource has an `ETag`."
    ),
    servers((url = "/api/v1")),
    components(schemas(Problem)),
    security(("token" = [])),
    modifiers(&Token),
    tags(
        (name = "subscribers", description = "Whose books and terminals they are."),
        (name = "books", description = "Friends, groups, the journal, holds."),
        (name = "terminals", description = "What they hold, and what is sent to them."),
        (name = "organisations", description = "Shared groups that many books carry, and their campaigns."),
        (name = "calls", description = "For a telephone system."),
        (name = "network", description = "Gateways, networks, events, health."),
    )
)]
pub struct Document;

/// Every write takes an `Idempotency-Key`; what changes or deletes, an `If-Match`.
pub fn with_conditions(document: &mut utoipa::openapi::OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.post, &mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            let key = ObjectBuilder::new()
                .schema_type(Type::String)
                .pattern(Some("^[!-~]{1,255}$"));
            let says = "The same key and body gives the first answer again, for 24 hours.";
            let parameters = operation.parameters.get_or_insert_default();
            parameters.push(header_parameter("Idempotency-Key", says, key));
        }
        for operation in [&mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            let tags = ObjectBuilder::new().schema_type(Type::String);
            let says = "`*`, or the tags of which the resource must have one; else 412.";
            let parameters = operation.parameters.get_or_insert_default();
            parameters.push(header_parameter("If-Match", says, tags));
        }
    }
}

fn header_parameter(name: &str, says: &str, schema: ObjectBuilder) -> RefOr<Parameter> {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(says))
        .schema(Some(Schema::from(schema)))
        .build()
        .into()
}

/// Answers with the document, written once.
pub fn show(document: utoipa::openapi::OpenApi) -> impl Handler<((),), Control> {
    let json = document.to_json().unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/json")];
    move || async move { (kind, json) }
}

/// The bearer token.
struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", scheme);
    }
}

/// What a call that reads may answer beside what it is for.
pub struct Reads;

impl IntoResponses for Reads {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ("401", "No token, or a bad one."),
            ("403", "The token may not."),
            ("404", "It is not there, or not yours."),
            ("422", "A value is wrong; `field` says which."),
            ("429", "Too many requests."),
            ("503", "Kith cannot answer now."),
        ])
    }
}

/// What a call that writes may answer beside what it is for.
pub struct Writes;

impl IntoResponses for Writes {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = Reads::responses();
        all.extend(problems(&[
            (
                "409",
                "It conflicts with a rule, or the same Idempotency-Key is being carried out.",
            ),
            (
                "412",
                "The resource is not what `If-Match` says; nothing was changed.",
            ),
            ("413", "The body is larger than 64 KiB."),
            ("415", "The body is not JSON."),
        ]));
        all
    }
}

fn problems(rows: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let schema = RefOr::<Schema>::Ref(Ref::from_schema_name("Problem"));
    let one = |(status, says): &(&str, &str)| {
        let content = Content::new(Some(schema.clone()));
        let mut response = ResponseBuilder::new()
            .description(*says)
            .content("application/problem+json", content);
        if matches!(*status, "429" | "503") {
            response =
                response.header("Retry-After", Header::new(Object::with_type(Type::Integer)));
        }
        if *status == "401" {
            response = response.header("WWW-Authenticate", Header::default());
        }
        ((*status).to_owned(), response.build().into())
    };
    rows.iter().map(one).collect()
}

/// A word of these, or null.
fn word_or_null(words: &[&str]) -> Schema {
    let types = SchemaType::from_iter([Type::String, Type::Null]);
    let words = words
        .iter()
        .map(|word| Some((*word).to_owned()))
        .chain([None]);
    ObjectBuilder::new()
        .schema_type(types)
        .enum_values(Some(words))
        .build()
        .into()
}

/// A word of these.
fn word(words: &[&str]) -> Schema {
    let kind = SchemaType::Type(Type::String);
    ObjectBuilder::new()
        .schema_type(kind)
        .enum_values(Some(words.iter().copied()))
        .build()
        .into()
}

/// Which of a friend's numbers it is.
pub fn label() -> Schema {
    word_or_null(&["mobile", "home", "work", "other"])
}

/// How sure Kith is.
pub fn proof() -> Schema {
    word(&["none", "accepted", "delivered", "applied", "verified"])
}

/// A way by which books are changed.
pub fn way() -> Schema {
    word(&[
        "desk", "portal", "console", "api", "carddav", "terminal", "cli", "import",
    ])
}

/// How far a shipment is.
pub fn shipment_state() -> Schema {
    word(&[
        "queued",
        "sending",
        "waiting",
        "proven",
        "failed",
        "superseded",
    ])
}

/// How far a packet is.
pub fn packet_state() -> Schema {
    word(&[
        "queued", "sending", "waiting", "proven", "failed", "unknown",
    ])
}

/// How far a part is.
pub fn part_state() -> Schema {
    word(&["queued", "sent", "accepted", "delivered", "failed"])
}

/// What a shipment is for.
pub fn shipment_kind() -> Schema {
    word(&["write", "read", "verify", "test"])
}

/// How a terminal is.
pub fn terminal_state() -> Schema {
    word(&["in_sync", "due", "sending", "waiting", "trouble", "retired"])
}

/// How far an entry is.
pub fn entry_state() -> Schema {
    let states = terminals::EntryState::ALL.map(terminals::EntryState::as_str);
    word(&states)
}

/// A channel.
pub fn channel() -> Schema {
    let channels = terminals::ChannelKind::ALL.map(terminals::ChannelKind::as_str);
    word(&channels)
}

/// How far a hold is.
pub fn hold_state() -> Schema {
    word(&["held", "released", "refused"])
}

/// How far a campaign is.
pub fn campaign_state() -> Schema {
    let states = delivery::CampaignState::ALL.map(delivery::CampaignState::as_str);
    word(&states)
}

/// A language of texts to people.
pub fn language() -> Schema {
    word(&["en", "zh-Hans"])
}

/// How a gateway or a network is.
pub fn health() -> Schema {
    word(&["up", "slow", "down", "paused"])
}

/// Nothing.
pub fn null() -> Schema {
    Object::with_type(Type::Null).into()
}
