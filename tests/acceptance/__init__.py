"""The product as its users meet it: whole commands, real histories, known figures."""
