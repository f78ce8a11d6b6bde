//! Who administrates, and from where: what every endpoint begins with that changes something.

use poem::{FromRequest, Request, RequestBody};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, registry::Registry};

use crate::{
    domain::{admin::Authority, app::App, audit::Actor},
    http::{bearer::Administrator, failure::Failure, origin::From},
};

/// An administrator who asks for something to be done.
pub(crate) struct Acting {
    admin: Administrator,
    from: From,
}

impl Acting {
    /// In whose name it is done, and from where; for a request without a body.
    pub(crate) fn authority(&self) -> Authority {
        Authority {
            actor: Actor::User(self.admin.admin.caller().user.id),
            from: self.from.0.clone(),
        }
    }

    /// As [`Self::authority`], once the body is there ([`Administrator::still`]).
    ///
    /// # Errors
    ///
    /// As for a request that begins now.
    pub(crate) async fn still(self, app: &App) -> Result<Authority, Failure> {
        let admin = self.admin.still(app).await?;
        Ok(Self { admin, ..self }.authority())
    }
}

impl<'a> ApiExtractor<'a> for Acting {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        Administrator::register(registry);
    }

    fn security_schemes() -> Vec<&'static str> {
        Administrator::security_schemes()
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let admin = Administrator::from_request(request, body, options).await?;
        let from = <From as FromRequest>::from_request(request, body).await?;
        Ok(Self { admin, from })
    }
}
