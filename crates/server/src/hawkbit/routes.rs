//! The table of routes. None can be added without saying who may use it.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, delete, get, post, put};

use super::access::decide;
use crate::rest::Rest;
use crate::rest::access::Access;

/// One route.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// `GET`, …
    #[cfg_attr(not(test), expect(dead_code, reason = "walked by the tests of the surface"))]
    pub(crate) method: &'static str,
    /// Below the base, with placeholders.
    #[cfg_attr(not(test), expect(dead_code, reason = "walked by the tests of the surface"))]
    pub(crate) path: &'static str,
    /// Who may use it.
    #[cfg_attr(not(test), expect(dead_code, reason = "walked by the tests of the surface"))]
    pub(crate) access: Access,
}

/// Builds the router and the table together.
pub(crate) struct Routes {
    rest: Rest,
    router: Router<Rest>,
    table: Vec<Operation>,
}

macro_rules! method {
    ($(#[$doc:meta])* $name:ident, $word:literal) => {
        $(#[$doc])*
        pub(crate) fn $name<H, T>(self, path: &'static str, access: impl Into<Access>, handler: H) -> Self
        where
            H: Handler<T, Rest>,
            T: 'static,
        {
            self.add($word, path, access.into(), $name(handler))
        }
    };
}

impl Routes {
    pub(crate) fn new(rest: &Rest) -> Self {
        Self { rest: rest.clone(), router: Router::new(), table: Vec::new() }
    }

    method!(
        /// Adds a GET, which also answers HEAD.
        get, "GET"
    );
    method!(
        /// Adds a PUT.
        put, "PUT"
    );
    method!(
        /// Adds a POST.
        post, "POST"
    );
    method!(
        /// Adds a DELETE.
        delete, "DELETE"
    );

    fn add(
        mut self,
        method: &'static str,
        path: &'static str,
        access: Access,
        router: MethodRouter<Rest>,
    ) -> Self {
        let router = router
            .route_layer(from_fn_with_state((self.rest.clone(), access), decide))
            // Every handler bounds what it reads by itself; uploads are larger than anything else.
            .layer(DefaultBodyLimit::disable());
        self.router = self.router.route(path, router);
        self.table.push(Operation { method, path, access });
        self
    }

    /// The router, and every route.
    pub(crate) fn finish(self) -> (Router<Rest>, Vec<Operation>) {
        (self.router, self.table)
    }
}
