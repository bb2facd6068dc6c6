//! What a tenant wants of all its artifacts, and whose signatures count for devices of a type then.
//!
//! Knows neither certificates nor bytes.

use std::fmt;

use crate::device_type::Signing;

/// What a tenant wants of all its artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArtifactTerms {
    /// Whose signatures count where a device type names nobody.
    pub signing: Signing,
    /// Most bytes of all artifacts together; none where only the server's bound holds.
    pub quota: Option<u64>,
}

/// Whose signers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Those that the device type names.
    Type,
    /// Those of the whole tenant.
    Tenant,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "signed software only",
            Self::Tenant => "software of the tenant's signers only",
        })
    }
}

/// What some devices demand of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand<'a> {
    /// Certificates (PEM) of those whose signatures count.
    pub signers: &'a [String],
    /// By whom they are named.
    pub rule: Rule,
}

impl ArtifactTerms {
    /// What devices of a type demand, or those without one. A type that names signers is judged by those alone, any other
    /// by the tenant's. Nothing where neither type nor tenant demands a signature.
    pub fn demand<'a>(&'a self, of_type: Option<&'a Signing>) -> Option<Demand<'a>> {
        let own = of_type.filter(|signing| !signing.signers.is_empty());
        let required = self.signing.required || of_type.is_some_and(|signing| signing.required);
        required.then(|| match own {
            Some(signing) => Demand { signers: &signing.signers, rule: Rule::Type },
            None => Demand { signers: &self.signing.signers, rule: Rule::Tenant },
        })
    }

    /// Most bytes of all artifacts together, within what the server allows.
    pub fn most(&self, allowed: u64) -> u64 {
        self.quota.map_or(allowed, |quota| quota.min(allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signing(signers: &[&str], required: bool) -> Signing {
        Signing { signers: signers.iter().map(|one| (*one).to_owned()).collect(), required }
    }

    #[test]
    fn a_types_own_signers_come_before_the_tenants_and_either_may_demand_a_signature() {
        let terms = |required| ArtifactTerms { signing: signing(&["tenant"], required), quota: None };
        let (bare, own, strict) = (signing(&[], false), signing(&["own"], false), signing(&[], true));
        let both = signing(&["own"], true);
        for (required, of_type, expected) in [
            (false, None, None),
            (false, Some(&bare), None),
            (false, Some(&own), None),
            (false, Some(&strict), Some(("tenant", Rule::Tenant))),
            (false, Some(&both), Some(("own", Rule::Type))),
            (true, None, Some(("tenant", Rule::Tenant))),
            (true, Some(&bare), Some(("tenant", Rule::Tenant))),
            (true, Some(&own), Some(("own", Rule::Type))),
            (true, Some(&both), Some(("own", Rule::Type))),
        ] {
            let terms = terms(required);
            let found = terms.demand(of_type).map(|demand| (demand.signers[0].as_str(), demand.rule));
            assert_eq!(found, expected, "{required} {of_type:?}");
        }
    }

    #[test]
    fn who_trusts_nobody_and_demands_a_signature_takes_nothing() {
        let terms = ArtifactTerms { signing: signing(&[], true), quota: None };
        assert_eq!(terms.demand(None), Some(Demand { signers: &[], rule: Rule::Tenant }));
    }

    #[test]
    fn a_quota_never_goes_beyond_what_the_server_allows() {
        for (quota, expected) in [(None, 10), (Some(3), 3), (Some(11), 10)] {
            assert_eq!(ArtifactTerms { quota, ..ArtifactTerms::default() }.most(10), expected);
        }
    }
}
