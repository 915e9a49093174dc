"""What crosses the network: routes, request and response shapes, the error table. Server and client read it alike."""
