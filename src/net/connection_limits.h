// How many connections a server has at the same time; connection_table.h keeps to it.
#pragma once

#include <cstddef>

namespace modelrun::net {

struct ConnectionLimits {
  std::size_t total = 4'096;
  std::size_t per_peer = 256;  // of them with peers of one group (peer_group)
};

}  // namespace modelrun::net
