"""How accurate searches are: by word, by picture and by tag, against labels. Start with `measure`."""
