// examples/server/lifecycles.cpp: the one file of this program that defines its Boost.MSM machines.
#include <noetl/control_plane/subscription_lifecycle.hpp>
#include <noetl/fsm/msm.hpp>

template class noetl::fsm::machine<noetl::control_plane::subscription_lifecycle>;
