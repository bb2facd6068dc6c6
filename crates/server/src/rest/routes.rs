//! The table of operations. An operation cannot be added without saying who may use it.

use std::convert::Infallible;

use aide::axum::ApiRouter;
use aide::axum::routing::{ApiMethodRouter, delete_with, get_with, patch_with, post_with, put_with};
use aide::operation::{OperationHandler, OperationInput, OperationOutput};
use aide::transform::TransformOperation;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use serde_json::Value;

use super::access::{Access, decide};
use super::{Rest, idempotency};

/// One operation, as published in `docs/permissions.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation {
    /// `GET`, …
    pub(crate) method: &'static str,
    /// With placeholders.
    pub(crate) path: String,
    /// Who may use it.
    pub(crate) access: Access,
    /// Its name in clients: `listDevices`.
    pub(crate) id: &'static str,
}

/// Builds the router and the table together.
pub(crate) struct Routes {
    rest: Rest,
    router: ApiRouter<Rest>,
    table: Vec<Operation>,
    tag: &'static str,
}

macro_rules! method {
    ($(#[$doc:meta])* $name:ident, $with:ident, $word:literal) => {
        $(#[$doc])*
        pub(crate) fn $name<H, I, O, T>(
            self,
            path: &str,
            access: impl Into<Access>,
            id: &'static str,
            summary: &'static str,
            handler: H,
        ) -> Self
        where
            H: Handler<T, Rest> + OperationHandler<I, O>,
            I: OperationInput,
            O: OperationOutput,
            T: 'static,
        {
            let (access, tag) = (access.into(), self.tag);
            let method = $with(handler, |operation| describe(operation, id, summary, tag, access));
            self.add($word, path, access, id, method)
        }
    };
}

impl Routes {
    pub(crate) fn new(rest: &Rest) -> Self {
        Self { rest: rest.clone(), router: ApiRouter::new(), table: Vec::new(), tag: "" }
    }

    /// The resource that the next operations belong to.
    pub(crate) fn tag(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    method!(
        /// Adds a GET, which also answers HEAD.
        get, get_with, "GET"
    );
    method!(
        /// Adds a PUT.
        put, put_with, "PUT"
    );
    method!(
        /// Adds a PATCH.
        patch, patch_with, "PATCH"
    );
    method!(
        /// Adds a DELETE.
        delete, delete_with, "DELETE"
    );
    method!(
        /// Adds a POST that may be repeated without harm, or that is not worth remembering.
        post, post_with, "POST"
    );

    /// Adds a POST that makes something: an `Idempotency-Key` makes repeating it safe.
    pub(crate) fn create<H, I, O, T>(
        self,
        path: &str,
        access: impl Into<Access>,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Rest> + OperationHandler<I, O>,
        I: OperationInput,
        O: OperationOutput,
        T: 'static,
    {
        self.creating(path, access.into(), id, summary, handler, idempotency::Answer::Plain)
    }

    /// As [`Routes::create`], for an answer that holds a secret.
    pub(crate) fn create_secret<H, I, O, T>(
        self,
        path: &str,
        access: impl Into<Access>,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Rest> + OperationHandler<I, O>,
        I: OperationInput,
        O: OperationOutput,
        T: 'static,
    {
        self.creating(path, access.into(), id, summary, handler, idempotency::Answer::Secret)
    }

    fn creating<H, I, O, T>(
        self,
        path: &str,
        access: Access,
        id: &'static str,
        summary: &'static str,
        handler: H,
        answer: idempotency::Answer,
    ) -> Self
    where
        H: Handler<T, Rest> + OperationHandler<I, O>,
        I: OperationInput,
        O: OperationOutput,
        T: 'static,
    {
        let tag = self.tag;
        let method = post_with(handler, |operation| {
            idempotency::describe(describe(operation, id, summary, tag, access))
        });
        let method =
            method.route_layer(from_fn_with_state((self.rest.clone(), answer), idempotency::remember));
        self.add("POST", path, access, id, method)
    }

    fn add(
        mut self,
        method: &'static str,
        path: &str,
        access: Access,
        id: &'static str,
        router: ApiMethodRouter<Rest, Infallible>,
    ) -> Self {
        let router = router.route_layer(from_fn_with_state((self.rest.clone(), access), decide));
        self.router = self.router.api_route(path, router);
        self.table.push(Operation { method, path: path.to_owned(), access, id });
        self
    }

    /// The router, and every operation in the order of their paths.
    pub(crate) fn finish(self) -> (ApiRouter<Rest>, Vec<Operation>) {
        let mut table = self.table;
        table.sort_by(|a, b| (&a.path, a.method).cmp(&(&b.path, b.method)));
        (self.router, table)
    }
}

fn describe<'t>(
    operation: TransformOperation<'t>,
    id: &str,
    summary: &str,
    tag: &str,
    access: Access,
) -> TransformOperation<'t> {
    let mut operation = operation.id(id).summary(summary).tag(tag);
    let inner = operation.inner_mut();
    match access {
        Access::Anyone => inner.security = vec![indexmap::IndexMap::new()],
        Access::SignedIn => {}
        Access::Needs(permission) => {
            inner.extensions.insert("x-permission".to_owned(), Value::from(permission.as_str()));
        }
    }
    operation
}
