// examples/shipments/lifecycles.cpp: the one file of this program that defines its Boost.MSM machines.
#include "shipments.hpp"

#include <noetl/fsm/msm.hpp>

template class noetl::fsm::machine<shop::depot::lifecycle>;
template class noetl::fsm::machine<shop::shipment::lifecycle>;
