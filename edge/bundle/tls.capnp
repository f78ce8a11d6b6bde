# The edge with TLS of its own: `npx workerd serve tls.capnp`. Certificate (the whole chain, the
# server's first) and private key are files beside this one; after a renewal restart the edge.

using Workerd = import "/workerd/workerd.capnp";
using Edge = import "config.capnp";

const config :Workerd.Config = (
  services = Edge.services,
  sockets = [(
    name = "https",
    address = "*:443",
    https = (
      options = Edge.incoming,
      tlsOptions = (keypair = (privateKey = embed "tls.key", certificateChain = embed "tls.crt")),
    ),
    service = "edge",
  )],
);
