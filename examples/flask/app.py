"""A visitors' book: small, but with a real schema, real migrations and a real database."""

import os
import socket

from flask import Flask, jsonify
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import SQLAlchemyError

db = SQLAlchemy()
migrate = Migrate()


class Visit(db.Model):
    __tablename__ = "visits"

    id = db.Column(db.Integer, primary_key=True)
    at = db.Column(db.DateTime(timezone=True), nullable=False, server_default=db.func.now())
    pod = db.Column(db.Text, nullable=False)


def create_app():
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise RuntimeError("DATABASE_URL is not set; for example postgresql://shop:secret@postgres:5432/shop")
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    migrate.init_app(app, db)

    @app.get("/")
    def visit():
        db.session.add(Visit(pod=socket.gethostname()))
        db.session.commit()
        schema = db.session.execute(db.text("select version_num from alembic_version")).scalar()
        return jsonify(schema=schema, visits=db.session.query(Visit).count(), pod=socket.gethostname())

    @app.get("/healthz")
    def ready():
        """Ready when the schema has all that this version of the app uses."""
        try:
            db.session.query(Visit).limit(1).all()
        except SQLAlchemyError as error:
            app.logger.warning("not ready: %s", error)
            return jsonify(ready=False), 503
        return jsonify(ready=True)

    return app
