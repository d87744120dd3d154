#include "gateway/web/visit.h"

namespace modelrun::gateway {

Place Places::take() {
  const bool got = taken_.fetch_add(1) < limit_;
  gauge_.Increment();
  if (!got) {
    leave();
    return nullptr;
  }
  return {this, [](void* places) { static_cast<Places*>(places)->leave(); }};
}

void Places::leave() {
  gauge_.Decrement();
  taken_.fetch_sub(1);
}

}  // namespace modelrun::gateway
