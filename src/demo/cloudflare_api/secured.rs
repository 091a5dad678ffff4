//! The stand-in over TLS, for tests of the client.

use std::sync::{Arc, Mutex};

use cfdoctor_checks::evidence::tls::TrustInputs;
use rustls::ServerConfig;

use super::{CloudflareApi, Running, Seen, handler};
use crate::demo::DemoError;
use crate::demo::pki::Pki;
use crate::demo::serve::{self, TlsDoor};
use crate::probe::tls::provider;
use crate::settings::Settings;

impl CloudflareApi {
    /// Serves HTTPS under the name `localhost`, offering these protocols; with what a client has to be told to trust it.
    pub(crate) async fn serve_secured(self, alpn: &[&str]) -> Result<(Running, Settings), DemoError> {
        let pki = Pki::new()?;
        let certificate = pki.edge(&["localhost"], 90)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certificate)));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let config = Arc::new(config);
        let door = TlsDoor { choose: Box::new(move |_| Some(config.clone())), old: None };
        let (api, seen) = (Arc::new(self), Arc::<Mutex<Seen>>::default());
        let port = serve::https(Arc::new(door), handler(api, seen.clone())).await?;
        let trust = TrustInputs { extra_roots: pki.public_roots(), origin_ca: None };
        let running = Running { address: port.address, scheme: "https", seen, _port: port };
        Ok((running, Settings { trust, ..Settings::default() }))
    }
}
