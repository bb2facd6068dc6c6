//! Who asks: a device by its own token, the tenant's, a certificate, a trusted proxy's word, or nothing at all.
//!
//! Every refusal looks the same from outside, also that of a device or tenant that there is not; why is kept with the
//! other refusals. The proof is judged before it is said whether there is such a device.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::hawkbit::{SecretText, Settings};
use windlass_domain::ids::{DeviceId, DeviceName, TenantId};
use windlass_store::{StoreError, credentials, device_tokens, devices};

use crate::app::App;
use crate::authority::name_vouched_for;
use crate::ddi::memory::Contact;
use crate::error::{AppError, chain};
use crate::message::DevicePeer;
use crate::refusals::{Cause, Claimed, Owner, Refused, Stage};

/// Which protocol's external ids these are.
pub const ALIAS: &str = "hawkbit";
/// Most bytes of a controller id.
pub const LONGEST: usize = 256;

/// What a request shows of who sent it.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The tenant as the path has it.
    pub tenant: String,
    /// The controller id, decoded.
    pub controller: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The device whose certificate of Windlass our own TLS was shown.
    pub certificate: Option<Arc<DevicePeer>>,
    /// A chain that our own TLS was shown, leaf first, and that [`App::ddi_is_foreign`] leaves to the tenant's CA
    /// certificates. Nothing of it was judged, but that the client holds the leaf's key.
    pub chain: Option<Arc<[CertificateDer<'static>]>>,
    /// What a trusted proxy says of the certificate that it checked.
    pub proxy: Option<ProxyWord>,
    /// Where it comes from.
    pub address: SocketAddr,
    /// What the client calls itself; may be empty.
    pub agent: String,
    /// Whether it asks what is to be done: nothing else makes a device of it.
    pub is_poll: bool,
}

/// What a trusted proxy says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyWord {
    /// Its common name.
    pub controller: String,
    /// Hashes of its issuers, lower case.
    pub authorities: Vec<String>,
}

/// How a device proved who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A certificate of its own.
    Certificate,
    /// Its own token.
    Token,
    /// The tenant's token.
    Gateway,
    /// A proxy checked its certificate.
    Proxy,
    /// A certificate that one of the tenant's CA certificates vouches for.
    Authority,
    /// It did not.
    Nothing,
}

impl Proof {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Token => "target token",
            Self::Gateway => "gateway token",
            Self::Proxy => "proxy",
            Self::Authority => "certificate of the fleet's authority",
            Self::Nothing => "nothing",
        }
    }

    /// Whether it is the device's own, so that nobody else can have it.
    pub(super) const fn is_own(self) -> bool {
        match self {
            Self::Certificate | Self::Token | Self::Proxy => true,
            // Who has the authority's key makes another one; Windlass hears of no revocation.
            Self::Authority | Self::Gateway | Self::Nothing => false,
        }
    }
}

/// A device that proved who it is.
#[derive(Debug, Clone)]
pub struct DdiPeer {
    /// Owner.
    pub tenant: TenantId,
    /// Which device.
    pub device: DeviceId,
    /// Its public name.
    pub name: DeviceName,
    /// How it proved that.
    pub proof: Proof,
    /// The tenant's settings.
    pub settings: Arc<Settings>,
    /// What the client calls itself.
    pub agent: String,
    pub(super) address: SocketAddr,
}

/// Why a request is not served.
#[derive(Debug, thiserror::Error)]
pub enum Turned {
    /// 401, without a word.
    #[error("not allowed")]
    Denied,
    /// 404: it may come, and did not yet ask what is to be done.
    #[error("there is no such device; it is made when it asks what is to be done")]
    Unknown,
    /// 400: it may come, and not under this id.
    #[error("{0}")]
    Bad(String),
    /// 429.
    #[error("too many new devices; wait a minute")]
    TooMany,
    /// 503.
    #[error("not available for now")]
    Unavailable,
}

/// A refusal for the log, in words.
pub(super) struct Why(pub(super) &'static str, pub(super) String);

pub(super) fn own_token() -> Why {
    Why("ddi.ownToken", "the device has a token of its own and must use it".to_owned())
}

pub(super) fn own_certificate() -> Why {
    Why("ddi.ownCertificate", "the device has a certificate of its own and must use it".to_owned())
}

enum Judged {
    Known(DeviceId, Proof),
    New(Proof),
}

impl App {
    /// Judges who asks. A device that there is not yet is made if its proof allows it.
    ///
    /// # Errors
    /// See [`Turned`]; why is kept with the refusals of the tenant.
    pub async fn ddi_identify(&self, shown: Shown) -> Result<DdiPeer, Turned> {
        if !self.fleet.is_current() {
            return Err(Turned::Unavailable);
        }
        let tenant = self.ddi_tenant(&shown.tenant).await?;
        let Some(tenant) = tenant else {
            self.ddi_refuse(
                &shown,
                None,
                None,
                Why("ddi.tenant", format!("there is no tenant {}", shown.tenant)),
            );
            return Err(Turned::Denied);
        };
        let settings = self.settings_of(tenant).await.map_err(unavailable)?;
        let known = self.ddi_known(tenant, &shown.controller).await?;
        let judged = match self.ddi_judge(tenant, &settings, known, &shown).await? {
            Ok(judged) => judged,
            Err(why) => {
                self.ddi_refuse(&shown, Some(tenant), known, why);
                return Err(Turned::Denied);
            }
        };
        let (device, proof) = match judged {
            Judged::Known(device, proof) => (device, proof),
            Judged::New(_) if !shown.is_poll => return Err(Turned::Unknown),
            Judged::New(proof) => (self.ddi_admit(tenant, &shown, proof).await?, proof),
        };
        let Some(entry) = self.fleet.entry(device) else { return Err(Turned::Unavailable) };
        if !entry.device.lifecycle.may_connect() {
            let why = Why("ddi.lifecycle", format!("the device is {}", entry.device.lifecycle));
            self.ddi_refuse(&shown, Some(tenant), Some(device), why);
            return Err(Turned::Denied);
        }
        Ok(DdiPeer {
            tenant,
            device,
            name: entry.device.name.clone(),
            proof,
            settings,
            agent: shown.agent,
            address: shown.address,
        })
    }

    /// Whether a chain that a client presented is for the CA certificates of the tenant to judge that a path names:
    /// Windlass did not sign the leaf, and the tenant has some.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ddi_is_foreign(
        &self,
        tenant: &str,
        chain: &[CertificateDer<'static>],
    ) -> Result<bool, Turned> {
        if self.authority.judge(chain) != Err(ConnectRefusal::WrongIssuer) {
            return Ok(false);
        }
        let Some(tenant) = self.ddi_tenant(tenant).await? else { return Ok(false) };
        let settings = self.settings_of(tenant).await.map_err(unavailable)?;
        Ok(!settings.authentication.certificate_authorities.is_empty())
    }

    async fn ddi_judge(
        &self,
        tenant: TenantId,
        settings: &Settings,
        known: Option<DeviceId>,
        shown: &Shown,
    ) -> Result<Result<Judged, Why>, Turned> {
        let allowed = &settings.authentication;
        if let Some(peer) = &shown.certificate {
            return Ok(self.ddi_by_certificate(tenant, known, peer));
        }
        let own = match known {
            Some(device) => self.token_of(device).await.map_err(unavailable)?,
            None => None,
        };
        let admit = |proof: Proof| known.map_or(Judged::New(proof), |device| Judged::Known(device, proof));
        // A token that is shown beside it says enough: clients that go over to certificates send both.
        if let Some(chain) = shown.chain.as_ref().filter(|_| shown.authorization.is_none()) {
            let authorities = &allowed.certificate_authorities;
            return match name_vouched_for(chain, authorities, self.clock.now()) {
                Ok(name) if name == shown.controller => {
                    let token_binds = own.is_some_and(|own| own.binding);
                    self.ddi_lesser(known, token_binds, admit(Proof::Authority)).await
                }
                Ok(name) => Ok(Err(Why(
                    "ddi.certificateName",
                    format!("the certificate names another device, {name}"),
                ))),
                Err(why) => Ok(Err(Why("ddi.certificateChain", why))),
            };
        }
        if let Some(word) = &shown.proxy
            && let Some(authorities) = &allowed.authorities
        {
            let vouched = word.controller == shown.controller
                && word.authorities.iter().any(|issuer| authorities.contains(issuer));
            return Ok(if vouched {
                Ok(admit(Proof::Proxy))
            } else {
                Err(Why(
                    "ddi.authority",
                    "the proxy names another device, or no issuer that is allowed".to_owned(),
                ))
            });
        }
        let (scheme, secret) = shown
            .authorization
            .as_deref()
            .and_then(|header| header.trim().split_once(' '))
            .map_or(("", ""), |(scheme, secret)| (scheme, secret.trim()));
        if scheme.eq_ignore_ascii_case("TargetToken") {
            // Compared also where there is none, so that time tells nothing.
            let nothing = || SecretText::from_random([0; 32]);
            let stored = own.as_ref().map_or_else(nothing, |own| own.token.clone());
            let right = stored.is(secret) && own.is_some();
            return Ok(match (allowed.target_token, known.filter(|_| right)) {
                (true, Some(device)) => {
                    if own.is_some_and(|own| !own.binding) {
                        self.ddi_bind_token(device).await?;
                    }
                    Ok(Judged::Known(device, Proof::Token))
                }
                (true, None) => {
                    Err(Why("ddi.targetToken", "the target token is not the device's".to_owned()))
                }
                (false, _) => Err(Why("ddi.targetToken", "target tokens are switched off".to_owned())),
            });
        }
        if scheme.eq_ignore_ascii_case("GatewayToken") {
            let right = allowed.gateway_token.as_ref().is_some_and(|token| token.is(secret));
            if !right {
                let why = match allowed.gateway_token {
                    Some(_) => "the gateway token is not the tenant's",
                    None => "gateway tokens are switched off",
                };
                return Ok(Err(Why("ddi.gatewayToken", why.to_owned())));
            }
            return self.ddi_lesser(known, own.is_some_and(|own| own.binding), admit(Proof::Gateway)).await;
        }
        if allowed.anonymous {
            return self.ddi_lesser(known, own.is_some_and(|own| own.binding), admit(Proof::Nothing)).await;
        }
        let why = if shown.authorization.is_some() {
            "the header Authorization is neither a TargetToken nor a GatewayToken"
        } else {
            "nothing proves who it is"
        };
        Ok(Err(Why("ddi.noProof", why.to_owned())))
    }

    fn ddi_by_certificate(
        &self,
        tenant: TenantId,
        known: Option<DeviceId>,
        peer: &DevicePeer,
    ) -> Result<Judged, Why> {
        let is_child = |device: DeviceId| self.fleet.parent_of(device) == Some(peer.device);
        match known {
            Some(device) if peer.tenant == tenant && (device == peer.device || is_child(device)) => {
                Ok(Judged::Known(device, Proof::Certificate))
            }
            Some(_) | None => {
                Err(Why("ddi.certificate", format!("the certificate is that of device {}", peer.name)))
            }
        }
    }

    /// A proof that others have too does not do for a device that has one of its own.
    async fn ddi_lesser(
        &self,
        known: Option<DeviceId>,
        token_binds: bool,
        judged: Judged,
    ) -> Result<Result<Judged, Why>, Turned> {
        let Some(device) = known else { return Ok(Ok(judged)) };
        if token_binds {
            return Ok(Err(own_token()));
        }
        if self.ddi_has_certificate(device).await? {
            return Ok(Err(own_certificate()));
        }
        Ok(Ok(judged))
    }

    async fn ddi_has_certificate(&self, device: DeviceId) -> Result<bool, Turned> {
        let generation = match self.ddi.certificates.get(&device) {
            Ok(known) => return Ok(known),
            Err(generation) => generation,
        };
        let now = self.clock.now();
        let has = self
            .store
            .read::<_, StoreError, _>(move |tx| {
                Box::pin(async move { credentials::device_has_live(tx, device, now).await })
            })
            .await
            .map_err(|error| unavailable(error.into()))?;
        self.ddi.certificates.keep(device, has, generation);
        Ok(has)
    }

    async fn ddi_bind_token(&self, device: DeviceId) -> Result<(), Turned> {
        self.store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { device_tokens::device_token_bind(tx, device).await })
            })
            .await
            .map_err(|error| unavailable(error.into()))?;
        self.ddi.tokens.forget(&device);
        Ok(())
    }

    pub(super) fn ddi_refuse(
        &self,
        shown: &Shown,
        tenant: Option<TenantId>,
        device: Option<DeviceId>,
        why: Why,
    ) {
        let Why(code, sentence) = why;
        let claimed = Claimed { client_id: Some(shown.controller.clone()), ..Claimed::default() };
        let refused = Refused {
            stage: Stage::Http,
            cause: Cause::Request(code, sentence),
            address: shown.address,
            protocol: Some("hawkbit"),
            claimed,
            owner: tenant.map(|tenant| Owner { tenant, device }),
            count: 1,
        };
        let (identity, why) = self.refusals.sentence(&refused, self.clock.now());
        tracing::debug!(
            peer.address = %shown.address, peer.identity = identity, refusal.code = code, reason = why,
            "a request was refused"
        );
        self.refused(refused);
    }

    /// Notes that a device was here, and what is known of it only then.
    pub(super) async fn ddi_seen(&self, peer: &DdiPeer) -> Result<(), Turned> {
        let (now, device) = (self.clock.now(), peer.device);
        self.live.seen(device, now);
        let contact =
            Contact { address: peer.address.ip(), agent: peer.agent.clone(), next: None, told: None };
        self.ddi.note_contact(device, contact);
        let first = self.fleet.entry(device).is_some_and(|entry| entry.device.first_seen_at.is_none());
        if !first {
            return Ok(());
        }
        self.store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { devices::device_seen(tx, device, now).await })
            })
            .await
            .map_err(|error| unavailable(error.into()))?;
        let refreshed = self.fleet.refresh_devices(&self.store, [device]).await;
        refreshed.map_err(|error| unavailable(error.into()))
    }
}

impl DdiPeer {
    /// Whether nobody but the device can have shown this proof.
    pub const fn proved_itself(&self) -> bool {
        self.proof.is_own()
    }
}

pub(super) fn unavailable(error: AppError) -> Turned {
    tracing::error!(error = %chain(&error), "a request of hawkBit's interface could not be served");
    Turned::Unavailable
}
