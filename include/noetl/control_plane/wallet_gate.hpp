// control_plane/wallet_gate.hpp: who may move stored secrets to another master key and read the secret audit. Knows
// secret_gate.hpp; use it as `http::guarded_by<require_wallet_access>(...)`.
#pragma once

#include <optional>

#include <noetl/control_plane/secret_gate.hpp>
#include <noetl/http/message.hpp>

namespace noetl::control_plane {

/// The rules of secret_gate without its switch: workers need secrets, but only operators need these routes.
class wallet_gate : public secret_gate {
public:
   explicit wallet_gate(internal_gate const& token) : secret_gate(token) {}
};

inline std::optional<http::response> require_wallet_access(wallet_gate& gate, http::request const& received) {
   return gate.refusal_of(received);
}

} // namespace noetl::control_plane
