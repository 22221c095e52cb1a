"""What gateways do wrong with cost centres."""

from conformance.faulty import Request, fault


@fault.request("fjord-loses-cost-centre", "forwards every header but the cost centre's")
def loses_cost_centre(request: Request) -> Request:
    return request.dropping("x-fjord-cost-centre")
