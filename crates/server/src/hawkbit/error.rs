//! What hawkBit's clients are told when a request is refused: class, code, message.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use windlass_wire::management::common::ErrorBody;

use crate::rest::Rest;
use crate::rest::error::Refusal;

const REPOSITORY: [(&str, &str); 2] = [
    (
        "org.eclipse.hawkbit.repository.exception.EntityNotFoundException",
        "hawkbit.server.error.repo.entityNotFound",
    ),
    (
        "org.eclipse.hawkbit.repository.exception.EntityAlreadyExistsException",
        "hawkbit.server.error.repo.entityAlreadyExists",
    ),
];

/// By the code of a problem: status, class, code.
const KNOWN: [(&str, u16, &str, &str); 21] = [
    (
        "hawkbit.locked",
        423,
        "org.eclipse.hawkbit.repository.exception.LockedException",
        "hawkbit.server.error.locked",
    ),
    (
        "hawkbit.module_unsupported",
        400,
        "org.eclipse.hawkbit.repository.exception.UnsupportedSoftwareModuleForThisDistributionSetException",
        "hawkbit.server.error.distributionset.modules.unsupported",
    ),
    (
        "hawkbit.incomplete",
        400,
        "org.eclipse.hawkbit.repository.exception.IncompleteDistributionSetException",
        "hawkbit.server.error.distributionset.incomplete",
    ),
    (
        "hawkbit.invalid_set",
        400,
        "org.eclipse.hawkbit.repository.exception.InvalidDistributionSetException",
        "hawkbit.server.error.distributionset.invalid",
    ),
    (
        "hawkbit.incompatible",
        400,
        "org.eclipse.hawkbit.repository.exception.IncompatibleTargetTypeException",
        "hawkbit.server.error.targettype.incompatible",
    ),
    (
        "hawkbit.schedule",
        400,
        "org.eclipse.hawkbit.repository.exception.InvalidMaintenanceScheduleException",
        "hawkbit.server.error.maintenanceScheduleInvalid",
    ),
    (
        "hawkbit.not_cancelable",
        405,
        "org.eclipse.hawkbit.repository.exception.CancelActionNotAllowedException",
        "hawkbit.server.error.action.notcancelable",
    ),
    (
        "hawkbit.not_quittable",
        405,
        "org.eclipse.hawkbit.repository.exception.ForceQuitActionNotAllowedException",
        "hawkbit.server.error.action.notforcequitable",
    ),
    (
        "hawkbit.gone",
        410,
        "org.eclipse.hawkbit.repository.exception.InvalidConfirmationFeedbackException",
        "hawkbit.server.error.confirmation.invalid",
    ),
    (
        "hawkbit.rollout_state",
        400,
        "org.eclipse.hawkbit.repository.exception.RolloutIllegalStateException",
        "hawkbit.server.error.rollout.illegalstate",
    ),
    (
        "hawkbit.rsql_syntax",
        400,
        "org.eclipse.hawkbit.repository.exception.RSQLParameterSyntaxException",
        "hawkbit.server.error.rest.param.rsqlParamSyntax",
    ),
    (
        "hawkbit.rsql_field",
        400,
        "org.eclipse.hawkbit.repository.exception.RSQLParameterUnsupportedFieldException",
        "hawkbit.server.error.rest.param.rsqlInvalidField",
    ),
    (
        "hawkbit.sort",
        400,
        "org.eclipse.hawkbit.rest.exception.SortParameterSyntaxErrorException",
        "hawkbit.server.error.rest.param.sortParamSyntax",
    ),
    (
        "hawkbit.in_use",
        403,
        "org.eclipse.hawkbit.repository.exception.EntityReadOnlyException",
        "hawkbit.server.error.entityreadonly",
    ),
    (
        "hawkbit.checksum",
        400,
        "org.eclipse.hawkbit.artifact.exception.HashNotMatchException",
        "hawkbit.server.error.artifact.uploadFailed.checksum.match",
    ),
    (
        "request.not_json",
        400,
        "org.eclipse.hawkbit.rest.exception.MessageNotReadableException",
        "hawkbit.server.error.rest.body.notReadable",
    ),
    (
        "auth.forbidden",
        403,
        "org.eclipse.hawkbit.repository.exception.InsufficientPermissionException",
        "hawkbit.server.error.insufficientpermission",
    ),
    (
        "auth.required",
        401,
        "org.springframework.security.authentication.AuthenticationCredentialsNotFoundException",
        "hawkbit.server.error.rest.unauthorized",
    ),
    (
        "hawkbit.file_size",
        429,
        "org.eclipse.hawkbit.repository.exception.FileSizeQuotaExceededException",
        "hawkbit.server.error.quota.fileSizeExceeded",
    ),
    (
        "hawkbit.storage",
        429,
        "org.eclipse.hawkbit.repository.exception.StorageQuotaExceededException",
        "hawkbit.server.error.quota.storageExceeded",
    ),
    (
        "version.mismatch",
        409,
        "org.eclipse.hawkbit.repository.exception.ConcurrentModificationException",
        "hawkbit.server.error.repo.concurrentModification",
    ),
];

fn class(refusal: &Refusal) -> (StatusCode, &'static str, &'static str) {
    let code = refusal.problem.code.as_str();
    let status = refusal.status();
    if let Some((_, status, class, error)) = KNOWN.iter().find(|(known, ..)| *known == code) {
        return (StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST), class, error);
    }
    let [not_found, exists] = REPOSITORY;
    let (class, error) = match status {
        StatusCode::NOT_FOUND => not_found,
        StatusCode::CONFLICT if code.ends_with(".exists") => exists,
        StatusCode::CONFLICT => (
            "org.eclipse.hawkbit.repository.exception.ConcurrentModificationException",
            "hawkbit.server.error.repo.concurrentModification",
        ),
        StatusCode::BAD_REQUEST => (
            "jakarta.validation.ConstraintViolationException",
            "hawkbit.server.error.repo.constraintViolation",
        ),
        StatusCode::TOO_MANY_REQUESTS => (
            "org.eclipse.hawkbit.repository.exception.AssignmentQuotaExceededException",
            "hawkbit.server.error.quota.tooManyEntries",
        ),
        _ => ("org.eclipse.hawkbit.exception.GenericSpServerException", "hawkbit.server.error.generic"),
    };
    (status, class, error)
}

/// Writes refusals out as hawkBit's clients read them; logs a failure once.
pub(crate) async fn speak(State(_rest): State<Rest>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else { return response };
    if let Some(chain) = &refusal.operator {
        tracing::error!(http.method = %method, http.path = %path, error = %chain, "a request failed");
    }
    let (status, class, error) = class(&refusal);
    let mut info: BTreeMap<&'static str, Value> = BTreeMap::new();
    if !refusal.problem.errors.is_empty() {
        info.insert("errors", serde_json::to_value(&refusal.problem.errors).unwrap_or_default());
    }
    let body = ErrorBody {
        exception_class: class,
        error_code: error,
        message: refusal.problem.detail.clone(),
        info,
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"hawkBit\", charset=\"UTF-8\"");
        headers.insert(header::WWW_AUTHENTICATE, basic);
    }
    if let Some(seconds) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    *response.body_mut() = Body::from(serde_json::to_vec(&body).unwrap_or_default());
    response
}
