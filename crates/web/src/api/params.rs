//! What follows the `?`, and pages of lists: `?limit=&after=`, ordered by id.

use super::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Things a page, when nobody asks for another number.
const LIMIT: u32 = 100;
/// The most.
const MOST: u32 = 500;

/// The parameters of a query, by name.
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = Query::try_from_uri(&parts.uri);
        let Query(pairs): Query<Vec<(String, String)>> =
            query.map_err(|error| Problem::new(error.status(), "odd query", error.body_text()))?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().take(at).any(|(before, _)| before == name) {
                return Err(Problem::wrong(name, format!("“{name}” is given twice.")));
            }
        }
        Ok(Self(pairs))
    }
}

impl Params {
    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// Which page is wanted; `read` reads the cursor that an earlier page gave.
    pub fn page<C>(&self, read: impl FnOnce(&str) -> Option<C>) -> Result<Page<C>, Problem> {
        let limit = match self.get("limit") {
            None => LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MOST).contains(limit))
                .ok_or_else(|| Problem::wrong("limit", "A limit is a number from 1 to 500."))?,
        };
        let wrong = || Problem::wrong("after", "Give as “after” what a page gave as “next”.");
        let after = match self.get("after") {
            None => None,
            Some(cursor) => Some(read(cursor).ok_or_else(wrong)?),
        };
        Ok(Page { limit, after })
    }
}

/// A page of a list that is wanted.
pub struct Page<C> {
    limit: u32,
    /// The last thing of the page before.
    pub after: Option<C>,
}

/// `?limit=&after=`, for the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)] // Read by `Params`.
pub struct Paging {
    /// At most so many items.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
    /// What the page before gave as `next`.
    after: Option<String>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct List<T> {
    /// Ordered by id, unless the call says otherwise.
    pub items: Vec<T>,
    /// The cursor of the next page; null on the last.
    pub next: Option<String>,
}

impl<C> Page<C> {
    /// How many to ask for: one more than wanted tells whether there is another page.
    pub fn ask(&self) -> u32 {
        self.limit + 1
    }

    /// The page of `found`, which begins after the cursor; `id` is the cursor of a thing.
    pub fn list<F, T>(
        &self,
        found: impl IntoIterator<Item = F>,
        id: impl Fn(&F) -> String,
        view: impl FnMut(F) -> T,
    ) -> List<T> {
        let most = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut found: Vec<F> = found.into_iter().take(most.saturating_add(1)).collect();
        let more = found.len() > most;
        found.truncate(most);
        let next = found.last().filter(|_| more).map(id);
        List {
            items: found.into_iter().map(view).collect(),
            next,
        }
    }
}
