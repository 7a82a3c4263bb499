// control_plane/sql_gate.hpp: who may call the route that runs SQL (defect D-03). Knows secret_gate.hpp; use it as
// `http::guarded_by<require_sql_access>(...)`.
#pragma once

#include <optional>

#include <noetl/control_plane/secret_gate.hpp>
#include <noetl/http/message.hpp>

namespace noetl::control_plane {

/// The rules of secret_gate, opened by a switch of its own: who may read secrets need not be allowed everything.
class sql_gate : public secret_gate {
public:
   using secret_gate::secret_gate;
};

inline std::optional<http::response> require_sql_access(sql_gate& gate, http::request const& received) {
   return gate.refusal_of(received);
}

} // namespace noetl::control_plane
