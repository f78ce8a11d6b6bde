//! The walk to paste into a shell: `sh` and `curl`, and Node, which is there anyway, for JSON.

use super::accounts::{ADMIN_CLIENT, Accounts};
use super::ports::{Addresses, url};

/// Commands that work when pasted in order. The passwords have no letter that a shell minds.
pub(super) fn text(at: &Addresses, accounts: &Accounts) -> String {
    let (edge, origin) = (url(at.edge), url(at.origin));
    let (user, admin) = (&accounts.user, &accounts.admin);
    format!(
        r#"
# A walk to paste, in a second terminal. Ctrl-C here stops everything.

# `field NAME` picks a member out of a JSON answer.
field() {{ node -pe 'JSON.parse(require("fs").readFileSync(0))[process.argv[1]]' "$1"; }}

# Log in, and call the API and the image server with the token.
LOGIN=$(curl -s {edge}/auth/login -H 'content-type: application/json' -d '{{"username":"{demo}","password":"{demo_password}"}}')
TOKEN=$(echo "$LOGIN" | field access_token)
curl -isw '\n' {edge}/api/me -H "authorization: Bearer $TOKEN"
curl -s {edge}/images/gate.png -H "authorization: Bearer $TOKEN" | head -c 8 | od -c

# Without a token, and past the edge with a header that claims to be somebody: refused.
curl -isw '\n' {edge}/api/me
curl -isw '\n' {api}/api/me -H 'portcullis-subject: admin'

# Refresh: the answer has a new pair. A lost answer may be asked for again for 30 seconds.
TOKEN=$(curl -s {edge}/auth/token -d grant_type=refresh_token -d client_id=portcullis --data-urlencode "refresh_token=$(echo "$LOGIN" | field refresh_token)" | field access_token)
curl -sw '\n' {edge}/auth/me -H "authorization: Bearer $TOKEN"

# Ban the user. The answer's `seq` is in force where the edge's Portcullis-Feed-Seq has reached it.
ADMIN=$(curl -s {edge}/auth/login -H 'content-type: application/json' -d '{{"username":"{admin}","password":"{admin_password}","client_id":"{ADMIN_CLIENT}"}}' | field access_token)
ID=$(curl -s {edge}/auth/me -H "authorization: Bearer $TOKEN" | field {USER_ID})
curl -sw '\n' -X POST {origin}/admin/users/$ID/ban -H "authorization: Bearer $ADMIN" -H 'content-type: application/json' -d '{{"reason":"the walk"}}'

# The token has not expired. At most five seconds later it is refused all the same.
sleep 5; curl -isw '\n' {edge}/api/me -H "authorization: Bearer $TOKEN"

# Let the user in again.
curl -sw '\n' -X POST {origin}/admin/users/$ID/unban -H "authorization: Bearer $ADMIN"
"#,
        api = url(at.api),
        demo = user.username,
        demo_password = user.password,
        admin = admin.username,
        admin_password = admin.password,
    )
}

/// The member of `GET /auth/me` that holds the user's id.
pub(super) const USER_ID: &str = "id";
