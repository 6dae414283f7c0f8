<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title} - {site.name}</title>
<link rel="stylesheet" href="/static/style.css">
</head>
<body>
<main>
<h1>{title}</h1>
<table>
<tr><th>Name</th><th>Author</th><th>Language</th><th>Size</th><th>Rating</th><th>Description</th></tr>
{LOOP rows}
<tr>
<td><a href="?name={rows.current.name}">{rows.current.name}</a></td>
<td>{rows.current.author}</td>
<td>{IF rows.current.language == "rust"}<strong>{rows.current.language}</strong>{ELSE}{rows.current.language}{!IF}</td>
<td>{rows.current.size}</td>
<td>{rows.current.rating}</td>
<td>{rows.current.description}</td>
</tr>
{!LOOP}
</table>
</main>
<footer>
<p>{request.host}, request {request.id}</p>
</footer>
</body>
</html>
