//! The pages and the API: portal, desk, console, api.
