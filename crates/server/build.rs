//! The console is embedded by optimised builds: they are built anew when it was. Never runs npm.

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    // A development build reads the console from disk, below a path that must exist when it is compiled.
    std::fs::create_dir_all("../../web/dist")?;
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo:rerun-if-changed=../../web/dist");
    }
    Ok(())
}
