#include "controller/resources/owner.h"

namespace modelrun::controller {

nlohmann::json owned_by(std::string_view api_version, std::string_view kind, const api::ObjectMeta& owner) {
  return nlohmann::json::array({{{"apiVersion", api_version},
                                 {"kind", kind},
                                 {"name", owner.name},
                                 {"uid", owner.uid},
                                 {"controller", true},
                                 {"blockOwnerDeletion", false}}});
}

}  // namespace modelrun::controller
