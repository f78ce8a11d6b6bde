//! What can be wrong with a route table, in words for whoever wrote it.

/// A table that must not be put in force.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not TOML, or not a list of `[[route]]`; the text shows the place.
    #[error("the route table cannot be read: {0}")]
    Syntax(String),
    /// One rule has a mistake.
    #[error("route {number} (host `{host}`, path `{path}`): `{key}`: {fault}")]
    Rule {
        /// Its place in the file, from 1.
        number: usize,
        /// Its host as written, `*` if none is.
        host: String,
        /// Its path as written, empty if none is.
        path: String,
        /// The key with the mistake.
        key: String,
        /// The mistake.
        #[source]
        fault: Fault,
    },
    /// One declaration of an issuer has a mistake.
    #[error("issuer {number}: {fault}")]
    Issuer {
        /// Its place in the file, from 1.
        number: usize,
        /// The key with the mistake, and the mistake.
        fault: String,
    },
}

/// A mistake in the value of a key.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The key is needed.
    #[error("is missing")]
    Missing,
    /// There are keys that no rule has.
    #[error("there is no such key; the keys are {0}")]
    UnknownKey(String),
    /// Another type, or a word that is none of those known.
    #[error("{0}")]
    Value(String),
    /// A list without members.
    #[error("must not be empty; leave the key out instead")]
    Empty,
    /// The same member twice.
    #[error("{0} stands there twice")]
    Twice(String),
    /// Not a host name.
    #[error("must be `*` or a host name in lower case, without a port")]
    Host,
    /// Not a path pattern.
    #[error(
        "must begin with `/`, hold only letters, digits, `-`, `.`, `_`, `~` and single slashes, \
         no segment `.` or `..`, and `*` only as the whole last segment"
    )]
    Path,
    /// The path is passed to the origin whatever the table says.
    #[error("is built in and goes to the origin; no rule can change that")]
    BuiltIn,
    /// Two patterns that an upstream might not tell apart.
    #[error("differs from the path `{0}` of another route only in letter case or a final slash")]
    AlmostEqual(String),
    /// Not a method that can be forwarded.
    #[error("`{0}` is not a method that can be forwarded (they are written in capitals)")]
    Method(String),
    /// `HEAD` is ruled by `GET`.
    #[error("`HEAD` follows the rule of `GET`: list `GET` with it")]
    HeadWithoutGet,
    /// Two rules for the same host, path and method.
    #[error("another route of the same host and path has {0} already")]
    MethodTwice(String),
    /// Not a name of an upstream.
    #[error("must be a lower-case letter followed by lower-case letters, digits and `_`")]
    Upstream,
    /// The origin's administration, to which a browser would bring its cookies unasked, and which no
    /// key of a program opens.
    #[error("a route to the origin takes nothing but `bearer`")]
    OnOrigin,
    /// Nothing that a link says would satisfy them.
    #[error("means nothing where `credentials` has `signed_url`: a link has no roles")]
    OnSignedUrl,
    /// The answer to a link would be kept for longer than the link works.
    #[error(
        "a route with `cache = \"shared\"` takes no `signed_url`: caches would outlive the link"
    )]
    SharedByLink,
    /// The issuer calls no audience as the route does, so none of its tokens would ever pass.
    #[error("the issuer {0} has no word for this route's `audience` in its `audiences`")]
    ForeignAudience(String),
    /// The origin takes its own tokens alone.
    #[error("a route to the origin takes no tokens of other issuers")]
    ForeignAtOrigin,
    /// The key says something about credentials, and none are looked at.
    #[error("means nothing on a route with `access = \"public\"`")]
    OnPublic,
    /// Whoever lacks it would come without a token.
    #[error("means nothing on a route with `access = \"optional\"`: a bearer could drop the token")]
    OnOptional,
    /// Not an origin.
    #[error("`{0}` is not an origin such as `https://app.example`, without a path or final slash")]
    Origin(String),
    /// Not a word that a header can carry.
    #[error("`{0}` must be 1 to 128 printable ASCII characters without spaces")]
    Word(String),
}
