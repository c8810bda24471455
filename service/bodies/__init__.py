"""What goes in and comes out: parameters, documents, answers and problems, as OpenAPI shows them."""
