"""Plans and units by file: from the bytes of a workbook or CSV to commands, all or nothing."""
