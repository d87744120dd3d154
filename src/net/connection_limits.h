// How many connections a server has at the same time; connection_table.h keeps to it.
#pragma once

#include <cstddef>

namespace modelrun::net {

// Which peers count as one. Whoever has one IPv6 address on the Internet as a rule has a whole network of them; inside
// a cluster, such a network is a node, and each of its pods has an address of its own.
enum class PeersBy {
  kNetwork,  // the IPv4 address, or the first 64 bits of the IPv6 address
  kAddress,
};

struct ConnectionLimits {
  std::size_t total = 4'096;
  std::size_t per_peer = 256;  // of them with peers of one group (peer_group)
  PeersBy peers = PeersBy::kNetwork;
};

}  // namespace modelrun::net
