//! What hawkBit's clients are told when a request is refused: class, code, message.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use windlass_api::problem::FieldProblem;
use windlass_wire::hawkbit::{
    CONFLICT, Kind, NOT_CANCELABLE, NOT_THERE, OTHER, QUOTA, READ_ONLY, UNREADABLE, accepted,
};
use windlass_wire::management::common::ErrorBody;

use crate::rest::Rest;
use crate::rest::error::Refusal;

/// JSON as hawkBit prefers it.
const HAL: &str = "application/hal+json";
/// JSON as everybody reads it.
const PLAIN: &str = "application/json";

const EXISTS: Kind = (
    "org.eclipse.hawkbit.repository.exception.EntityAlreadyExistsException",
    "hawkbit.server.error.repo.entityAlreadyExists",
);

/// By the code of a problem: status and kind.
const KNOWN: [(&str, u16, Kind); 35] = [
    (
        "hawkbit.locked",
        423,
        ("org.eclipse.hawkbit.repository.exception.LockedException", "hawkbit.server.error.locked"),
    ),
    (
        "hawkbit.module_unsupported",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.UnsupportedSoftwareModuleForThisDistributionSetException",
            "hawkbit.server.error.distributionset.modules.unsupported",
        ),
    ),
    (
        "hawkbit.incomplete",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.IncompleteDistributionSetException",
            "hawkbit.server.error.distributionset.incomplete",
        ),
    ),
    (
        "hawkbit.invalid_set",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidDistributionSetException",
            "hawkbit.server.error.distributionset.invalid",
        ),
    ),
    (
        "hawkbit.incompatible",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.IncompatibleTargetTypeException",
            "hawkbit.server.error.target.type.incompatible",
        ),
    ),
    (
        "hawkbit.schedule",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidMaintenanceScheduleException",
            "hawkbit.server.error.maintenanceScheduleInvalid",
        ),
    ),
    ("hawkbit.not_cancelable", 405, NOT_CANCELABLE),
    (
        "hawkbit.not_quittable",
        405,
        (
            "org.eclipse.hawkbit.repository.exception.ForceQuitActionNotAllowedException",
            "hawkbit.server.error.action.notForceQuitable",
        ),
    ),
    (
        "hawkbit.gone",
        410,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidConfirmationFeedbackException",
            "hawkbit.server.confirmation.feedback.invalid",
        ),
    ),
    (
        "hawkbit.binary_deleted",
        410,
        (
            "org.eclipse.hawkbit.repository.exception.ArtifactDeletedException",
            "hawkbit.server.error.artifact.binaryDeleted",
        ),
    ),
    (
        "hawkbit.config_key",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidTenantConfigurationKeyException",
            "hawkbit.server.error.configKeyInvalid",
        ),
    ),
    (
        "hawkbit.config_value",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.TenantConfigurationValidatorException",
            "hawkbit.server.error.configValueInvalid",
        ),
    ),
    (
        "hawkbit.setting_fixed",
        403,
        (
            "org.eclipse.hawkbit.repository.exception.TenantConfigurationValueChangeNotAllowedException",
            "hawkbit.server.error.repo.tenantConfigurationValueChangeNotAllowed",
        ),
    ),
    (
        "hawkbit.rollout_state",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.RolloutIllegalStateException",
            "hawkbit.server.error.rollout.illegalState",
        ),
    ),
    (
        "hawkbit.auto_assign_state",
        409,
        (
            "org.eclipse.hawkbit.repository.exception.AutoAssignmentIllegalStateException",
            "hawkbit.server.error.autoassignment.illegalState",
        ),
    ),
    (
        "hawkbit.rsql_syntax",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.RSQLParameterSyntaxException",
            "hawkbit.server.error.rest.param.rsqlParamSyntax",
        ),
    ),
    (
        "hawkbit.rsql_field",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.RSQLParameterUnsupportedFieldException",
            "hawkbit.server.error.rest.param.rsqlInvalidField",
        ),
    ),
    (
        "hawkbit.sort",
        400,
        (
            "org.eclipse.hawkbit.rest.exception.SortParameterSyntaxErrorException",
            "hawkbit.server.error.rest.param.sortParamSyntax",
        ),
    ),
    (
        "hawkbit.sort_field",
        400,
        (
            "org.eclipse.hawkbit.rest.exception.SortParameterUnsupportedFieldException",
            "hawkbit.server.error.rest.param.invalidField",
        ),
    ),
    (
        "hawkbit.sort_direction",
        400,
        (
            "org.eclipse.hawkbit.rest.exception.SortParameterUnsupportedDirectionException",
            "hawkbit.server.error.rest.param.invalidDirection",
        ),
    ),
    (
        "hawkbit.multi_assignment",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.MultiAssignmentIsNotEnabledException",
            "hawkbit.server.error.multiAssignmentNotEnabled",
        ),
    ),
    (
        "hawkbit.agreed_already",
        409,
        (
            "org.eclipse.hawkbit.repository.exception.AutoConfirmationAlreadyActiveException",
            "hawkbit.server.error.repo.autoConfAlreadyActive",
        ),
    ),
    (
        "hawkbit.action_open",
        400,
        ("jakarta.validation.ConstraintViolationException", "hawkbit.server.error.repo.constraintViolation"),
    ),
    (
        "hawkbit.encryption",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.ArtifactEncryptionUnsupportedException",
            "hawkbit.server.error.artifact.encryptionNotSupported",
        ),
    ),
    (
        "hawkbit.auto_assign_type",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidAutoAssignActionTypeException",
            "hawkbit.server.error.repo.invalidAutoAssignActionType",
        ),
    ),
    ("hawkbit.in_use", 403, READ_ONLY),
    (
        "hawkbit.checksum_sha1",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidSha1HashException",
            "hawkbit.server.error.artifact.uploadFailed.checksum.sha1.match",
        ),
    ),
    (
        "hawkbit.checksum_sha256",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidSha256HashException",
            "hawkbit.server.error.artifact.uploadFailed.checksum.sha256.match",
        ),
    ),
    (
        "hawkbit.checksum_md5",
        400,
        (
            "org.eclipse.hawkbit.repository.exception.InvalidMd5HashException",
            "hawkbit.server.error.artifact.uploadFailed.checksum.md5.match",
        ),
    ),
    ("request.not_json", 400, UNREADABLE),
    (
        "auth.forbidden",
        403,
        (
            "org.eclipse.hawkbit.repository.exception.InsufficientPermissionException",
            "hawkbit.server.error.insufficientPermission",
        ),
    ),
    (
        "auth.required",
        401,
        (
            "org.springframework.security.authentication.AuthenticationCredentialsNotFoundException",
            "hawkbit.server.error.rest.unauthorized",
        ),
    ),
    (
        "hawkbit.file_size",
        429,
        (
            "org.eclipse.hawkbit.repository.exception.FileSizeQuotaExceededException",
            "hawkbit.server.error.quota.fileSizeExceeded",
        ),
    ),
    (
        "hawkbit.storage",
        429,
        (
            "org.eclipse.hawkbit.repository.exception.StorageQuotaExceededException",
            "hawkbit.server.error.quota.storageExceeded",
        ),
    ),
    ("version.mismatch", 409, CONFLICT),
];

fn kind(refusal: &Refusal) -> (StatusCode, Kind) {
    let code = refusal.problem.code.as_str();
    let status = refusal.status();
    if let Some((_, status, kind)) = KNOWN.iter().find(|(known, ..)| *known == code) {
        return (StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST), *kind);
    }
    let kind = match status {
        StatusCode::NOT_FOUND => NOT_THERE,
        StatusCode::CONFLICT if code.ends_with(".exists") => EXISTS,
        StatusCode::CONFLICT => CONFLICT,
        StatusCode::BAD_REQUEST => (
            "jakarta.validation.ConstraintViolationException",
            "hawkbit.server.error.repo.constraintViolation",
        ),
        StatusCode::TOO_MANY_REQUESTS => QUOTA,
        _ => OTHER,
    };
    (status, kind)
}

/// Things that several ids of a request name and that are not there.
pub(super) fn missing(what: &'static str, ids: Vec<String>) -> Refusal {
    let mut refusal = Refusal::not_found(what, ids.join(", "));
    let named = |id| FieldProblem { field: "entityId".to_owned(), problem: id };
    refusal.problem.errors = ids.into_iter().map(named).collect();
    refusal
}

/// What a thing is called in Java, by the word in the code of a problem.
fn entity(word: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    word.split('_').map(capital).collect()
}

/// The media type that a client gets JSON as: hawkBit prefers its own unless plain JSON is asked for.
fn json_type(accept: Option<&str>) -> &'static str {
    let mut best = (HAL, -1.0_f32);
    for one in accepted(accept.unwrap_or_default()) {
        let kind = match one.kind.as_str() {
            PLAIN => PLAIN,
            HAL => HAL,
            _ => continue,
        };
        if one.weight > best.1 {
            best = (kind, one.weight);
        }
    }
    best.0
}

/// Answers in the words of clients: refusals with class and code, JSON as the type that they asked for. Logs a failure
/// once.
pub(crate) async fn speak(State(_rest): State<Rest>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let wanted = json_type(accept);
    let mut response = next.run(request).await;
    let Some(refusal) = response.extensions_mut().remove::<Refusal>() else {
        if response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes() == PLAIN.as_bytes())
        {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(wanted));
        }
        return response;
    };
    if let Some(chain) = &refusal.operator {
        tracing::error!(http.method = %method, http.path = %path, error = %chain, "a request failed");
    }
    let (status, (exception_class, error_code)) = kind(&refusal);
    let mut info: BTreeMap<&'static str, Value> = BTreeMap::new();
    if status == StatusCode::NOT_FOUND {
        let code = refusal.problem.code.strip_suffix(".not_found").unwrap_or_default();
        info.insert("type", Value::from(entity(code)));
        let missing: Vec<&str> = refusal.problem.errors.iter().map(|one| one.problem.as_str()).collect();
        if !missing.is_empty() {
            info.insert("entityId", Value::from(missing));
        }
    } else if !refusal.problem.errors.is_empty() {
        info.insert("errors", serde_json::to_value(&refusal.problem.errors).unwrap_or_default());
    }
    let body = ErrorBody { exception_class, error_code, message: refusal.problem.detail.clone(), info };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PLAIN));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that clients of hawkBit know.
    const CODES: &[&str] = &[
        "repo.genericError",
        "repo.entityAlreadyExists",
        "repo.autoConfAlreadyActive",
        "repo.constraintViolation",
        "repo.entityNotFound",
        "repo.concurrentModification",
        "repo.invalidAutoAssignActionType",
        "repo.tenantConfigurationValueChangeNotAllowed",
        "rest.param.sortParamSyntax",
        "rest.param.rsqlParamSyntax",
        "rest.param.rsqlInvalidField",
        "rest.param.invalidField",
        "rest.param.invalidDirection",
        "rest.body.notReadable",
        "artifact.encryptionNotSupported",
        "artifact.uploadFailed.checksum.md5.match",
        "artifact.uploadFailed.checksum.sha1.match",
        "artifact.uploadFailed.checksum.sha256.match",
        "artifact.binaryDeleted",
        "insufficientPermission",
        "quota.tooManyEntries",
        "quota.fileSizeExceeded",
        "quota.storageExceeded",
        "action.notCancelable",
        "action.notForceQuitable",
        "distributionset.incomplete",
        "distributionset.invalid",
        "distributionset.modules.unsupported",
        "locked",
        "entityReadOnly",
        "configValueInvalid",
        "configKeyInvalid",
        "rollout.illegalState",
        "autoassignment.illegalState",
        "maintenanceScheduleInvalid",
        "multiAssignmentNotEnabled",
        "target.type.used",
        "target.type.incompatible",
    ];

    #[test]
    fn every_code_is_one_that_clients_know() {
        for (known, status, (class, code)) in KNOWN {
            let told = matches!(
                code,
                "hawkbit.server.confirmation.feedback.invalid" | "hawkbit.server.error.rest.unauthorized"
            );
            let word = code.strip_prefix("hawkbit.server.error.").unwrap_or_default();
            assert!(told || CODES.contains(&word), "{known}: {code}");
            assert!(StatusCode::from_u16(status).is_ok() && class.ends_with("Exception"), "{known}");
        }
    }

    #[test]
    fn json_comes_as_the_type_that_was_asked_for() {
        for (accept, wanted) in [
            (None, HAL),
            (Some("*/*"), HAL),
            (Some("application/*, text/html"), HAL),
            (Some("application/json"), PLAIN),
            (Some("Application/JSON; charset=utf-8"), PLAIN),
            (Some("application/json, */*;q=0.1"), PLAIN),
            (Some("application/hal+json, application/json"), HAL),
            (Some("application/hal+json;q=0.5, application/json"), PLAIN),
            (Some("application/json;q=x, ;;,"), PLAIN),
        ] {
            assert_eq!(json_type(accept), wanted, "{accept:?}");
        }
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let refusal = missing("distribution set", vec!["7".to_owned(), "8".to_owned()]);
        assert_eq!(refusal.status(), StatusCode::NOT_FOUND);
        assert_eq!(entity(refusal.problem.code.strip_suffix(".not_found").unwrap()), "DistributionSet");
        assert_eq!(refusal.problem.errors.len(), 2);
    }
}
