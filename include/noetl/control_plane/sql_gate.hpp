// control_plane/sql_gate.hpp: who may call the route that runs SQL (defect D-03). Knows secret_gate.hpp; use it as
// `http::guarded_by<require_access<sql_gate>>(...)`.
#pragma once

#include <noetl/control_plane/secret_gate.hpp>

namespace noetl::control_plane {

/// The rules of secret_gate, opened by a switch of its own: who may read secrets need not be allowed everything.
class sql_gate : public secret_gate {
public:
   using secret_gate::secret_gate;
};

} // namespace noetl::control_plane
