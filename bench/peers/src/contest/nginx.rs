//! nginx as a private instance, and the folder that it and our server serve.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io, process};

use super::server::Entrant;

/// The URLs that are served, on both sides below `/static/`.
pub const SMALL: &str = "/static/1k.html";
/// See [`SMALL`].
pub const LARGE: &str = "/static/1m.bin";

/// A temporary folder with the files; dropped, it goes.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder and the files.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn new() -> io::Result<Self> {
        let root = env::temp_dir().join(format!("harmonious-bench-{}", process::id()));
        let folder = Self { root };
        fs::create_dir_all(folder.files())?;
        for (url, size) in [(SMALL, 1 << 10), (LARGE, 1 << 20)] {
            fs::write(folder.root.join(&url[1..]), contents(size))?;
        }
        // nginx gives up the rights of root before it opens files.
        for readable in [folder.root.clone(), folder.files()] {
            fs::set_permissions(readable, fs::Permissions::from_mode(0o755))?;
        }
        Ok(folder)
    }

    /// What our server is told to serve.
    pub fn files(&self) -> PathBuf {
        self.root.join("static")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The bytes of a file of this size.
pub fn contents(size: usize) -> Vec<u8> {
    (0..size).map(|at| b'a' + (at % 26) as u8).collect()
}

/// nginx with so many workers, on a free port.
pub fn entrant(name: &'static str, workers: usize, folder: &Folder) -> Entrant {
    let root = folder.root.clone();
    let launch = move || {
        let address = free_address()?;
        let prefix = root.join(name);
        fs::create_dir_all(&prefix)?;
        let config = prefix.join("nginx.conf");
        fs::write(&config, configuration(&root, workers, address))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&prefix).arg("-c").arg(&config);
        command.args(["-e", "stderr"]);
        Ok((command, Some(address)))
    };
    Entrant {
        name,
        by_default: true,
        launch: Box::new(launch),
        visit: None,
    }
}

/// The version of the nginx that is here.
///
/// # Errors
/// Says how to get one.
pub fn version() -> Result<String, String> {
    let output = Command::new("nginx").arg("-v").output();
    let output = output.map_err(|error| format!("nginx: {error}: apt-get install nginx"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(text.trim().rsplit(' ').next().unwrap_or("nginx").to_owned())
}

/// Each worker listens for itself (`reuseport`): else one of two may take nearly all connections.
fn configuration(root: &Path, workers: usize, address: SocketAddr) -> String {
    let root = root.display();
    format!(
        "\
daemon off;
worker_processes {workers};
pid nginx.pid;
error_log stderr error;
events {{
    worker_connections 8192;
}}
http {{
    types {{
        text/html html;
        application/octet-stream bin;
    }}
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65s;
    keepalive_requests 1000000;
    open_file_cache max=1000 inactive=60s;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address} backlog=4096 reuseport;
        root \"{root}\";
    }}
}}
"
    )
}

/// An address whose port was free a moment ago.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_comes_and_goes() {
        let folder = Folder::new().expect("a folder");
        let files = folder.files();
        for (name, size) in [("1k.html", 1024), ("1m.bin", 1024 * 1024)] {
            let file = fs::read(files.join(name)).expect("a file");
            assert!(file == contents(size), "{name}");
        }
        drop(folder);
        assert!(!files.exists());
    }
}
