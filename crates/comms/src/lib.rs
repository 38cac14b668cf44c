//! Communication: gateways, the SMPP client, the network state table; sockets live only here.
