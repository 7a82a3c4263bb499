// control_plane/wallet_gate.hpp: who may move stored secrets to another master key and read the secret audit. Knows
// secret_gate.hpp; use it as `http::guarded_by<require_access<wallet_gate>>(...)`.
#pragma once

#include <noetl/control_plane/secret_gate.hpp>

namespace noetl::control_plane {

/// The rules of secret_gate without its switch: workers need secrets, but only operators need these routes.
class wallet_gate : public secret_gate {
public:
   explicit wallet_gate(internal_gate const& token) : secret_gate(token) {}
};

} // namespace noetl::control_plane
