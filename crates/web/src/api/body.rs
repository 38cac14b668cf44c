//! A JSON body, with the API's own answers to what is wrong with one.

use super::problem::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

/// A JSON body, always an object. `Option<Body<_>>` where it may be absent.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = <Self as OptionalFromRequest<S>>::from_request(request, state).await?;
        body.ok_or_else(|| no_json("it is empty"))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let json = is_json(request.headers());
        let octets = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::new(error.status(), "too much or torn", error.body_text()))?;
        if octets.is_empty() {
            return Ok(None);
        }
        if !json {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not JSON",
                "Send the body as JSON: Content-Type: application/json.",
            ));
        }
        read(&octets).map(|value| Some(Self(value)))
    }
}

/// `application/json`, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn read<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    let first = octets.iter().find(|octet| !octet.is_ascii_whitespace());
    if first.is_some_and(|octet| *octet != b'{') {
        // serde would take a list for the fields in order.
        return Err(no_json("it does not begin with {"));
    }
    let mut json = serde_json::Deserializer::from_slice(octets);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner().to_string();
        if error.inner().is_data() {
            unusable(&error.path().to_string(), &inner)
        } else {
            no_json(&inner)
        }
    })?;
    json.end().map_err(|error| no_json(&error.to_string()))?;
    Ok(value)
}

fn no_json(said: &str) -> Problem {
    let detail = format!("The body is no JSON object: {said}.");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not JSON", detail)
}

/// Names the field: the path, and the field that serde names itself when it is one too many or missing.
fn unusable(path: &str, said: &str) -> Problem {
    let said = said.split(" at line ").next().unwrap_or(said);
    let named = ["unknown field `", "missing field `"]
        .iter()
        .find_map(|begin| said.strip_prefix(begin)?.split('`').next());
    let field = match (path, named) {
        (".", Some(named)) => named.to_owned(),
        (path, Some(named)) if path != named && !path.ends_with(&format!(".{named}")) => {
            format!("{path}.{named}")
        }
        (path, _) => path.to_owned(),
    };
    if field == "." {
        let detail = format!("The body cannot be used: {said}.");
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a value is wrong", detail);
    }
    Problem::wrong(&field, format!("“{field}” cannot be used: {said}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        name: String,
        #[serde(default)]
        numbers: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        number: String,
    }

    #[test]
    fn the_field_to_blame_is_named() {
        for (body, field) in [
            (r#"{"name": 5}"#, "\"name\""),
            (r#"{"name": "x", "colour": "red"}"#, "\"colour\""),
            (r#"{}"#, "\"name\""),
            (
                r#"{"name": "x", "numbers": [{"number": 5}]}"#,
                "\"numbers[0].number\"",
            ),
            (
                r#"{"name": "x", "numbers": [{"number": "1", "x": 1}]}"#,
                "\"numbers[0].x\"",
            ),
            (r#"{"name": "x", "numbers": [{}]}"#, "\"numbers[0].number\""),
            (r#"["x", []]"#, "null"),
            (r#"{"name": "x""#, "null"),
            (r#"{"name": "x"} {}"#, "null"),
        ] {
            let problem = read::<Outer>(body.as_bytes()).unwrap_err();
            let problem = serde_json::to_value(&problem).unwrap();
            let found = problem.get("field").cloned().unwrap_or_default();
            assert_eq!(
                (&problem["status"], found.to_string()),
                (&422.into(), field.into()),
                "{body}: {problem}"
            );
        }
    }
}
